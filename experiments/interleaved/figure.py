"""t_ICL against N of the same two layers on concatenated and on interleaved tokens, and what their heads look at."""

import numpy as np

from icl_lab import plot, stats
from icl_lab.estimate import missing

LAYOUTS = {"concatenated": plot.BLUE, "interleaved": plot.VERMILION}
LOOKS = {"on_copy": "attention_on_copy_1_0", "after_copy": "attention_after_copy_1_0", "on_previous": "attention_on_previous_0_0",
         "on_copy_below": "attention_on_copy_0_0"}
LINES = {"icl_accuracy": (plot.BLACK, "ICL accuracy"), LOOKS["on_copy_below"]: (plot.BLUE, "target on its copy, layer 0"),
         LOOKS["on_copy"]: (plot.SKY, "target on its copy, layer 1"), LOOKS["after_copy"]: (plot.VERMILION, "target behind its copy, layer 1"),
         LOOKS["on_previous"]: (plot.GREEN, "on the token before, layer 0")}  #: of panels b and c


def power_of(sweep):
    """The power law of t_ICL in N, and the runs that are missing from it; None where it has no slope. A run that did not acquire ICL is later than the
    others: without it the slope would be too small."""
    time, event = stats.survival.of_runs(sweep.runs)
    N = sweep.column("data.N")[event]
    return (stats.power_law.fit(N, time[event]) if len(np.unique(N)) > 1 else None), int((~event).sum())


def analyse(item):
    quantities = {"share_acquired": stats.share(int(item.sweep.runs["acquired"].sum()), len(item.sweep))}
    for layout in LAYOUTS:
        here = item.sweep.where(data_layout=layout)
        law, late = power_of(here)
        usable = law is not None and not late
        quantities[f"exponent_{layout}"] = law.slope if usable else missing(f"{late} runs did not acquire ICL within the horizon", len(here))
        quantities[f"curvature_{layout}"] = law.curvature if usable else missing(f"{late} runs did not acquire ICL within the horizon", len(here))
        for N in here.values("data.N"):
            time, event = stats.survival.of_runs(here.where(data_N=N).runs)
            quantities[f"t_icl_{layout}_{int(N)}"] = stats.survival.kaplan_meier(time, event).median()
        for name, column in LOOKS.items():
            quantities[f"{name}_{layout}"] = stats.shares.median(here.runs[f"final_{column}"])
    return quantities


def draw(item, quantities):
    figure, (left, middle, right) = plot.figure(columns=2, height=2.4, panels=3)
    for layout, colour in LAYOUTS.items():
        here = item.sweep.where(data_layout=layout)
        time, event = stats.survival.of_runs(here.runs)
        N = here.column("data.N")
        left.plot(N[event], time[event], ".", color=colour, markersize=4, alpha=0.6)
        law, _ = power_of(here)
        if law is not None:
            x = np.unique(N[event])
            left.plot(x, law.prefactor * x ** law.slope.value, color=colour, label=f"{layout}: N^{law.slope.value:.2f}")
        draw_looks(middle if layout == "concatenated" else right, here.where(data_N=here.values("data.N")[-1]), layout)
    right.legend(loc="upper left", fontsize=4.5)  # of b too, where it would lie over the lines
    for axis in (left.xaxis, left.yaxis):
        axis.axes.set(xscale="log", yscale="log")
        plot.plain_log_axis(axis)
    left.set_xticks(item.sweep.values("data.N"), [f"{N:.0f}" for N in item.sweep.values("data.N")], minor=False)
    left.set_xticks([], minor=True)
    left.set_xlabel("context length N (items)")
    left.set_ylabel("t_ICL (steps)")
    left.set_title("each run, and powers of N")
    if left.get_legend_handles_labels()[0]:
        left.legend(loc="upper left")
    plot.letters(left, middle, right)
    return figure


def draw_looks(axes, sweep, layout):
    """ICL accuracy and the scores of the heads while the runs of one N train."""
    for name, (colour, label) in LINES.items():
        for run in sweep.series(name):
            there = ~np.isnan(run)
            axes.plot(sweep.steps[there], run[there], color=colour, linewidth=0.7, alpha=0.8)
        axes.plot([], [], color=colour, label=label)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("training (steps)")
    axes.set_title(f"{layout}, N = {int(sweep.values('data.N')[0])}")
