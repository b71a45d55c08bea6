"""Singh et al. 2024: t_ICL with parts of an induction head given, and what is lost without each head."""

import numpy as np

from icl_lab import plot, stats
from icl_lab.estimate import missing

GIVEN = {"none": None, "previous": "previous/0.0", "match": "copy/1.0", "both": "previous/0.0, copy/1.0"}
COLOURS = {"none": plot.BLACK, "previous": plot.GREEN, "match": plot.VERMILION, "both": plot.BLUE}


def given(sweep, name):
    """The runs of one clamp, by what the merged file holds of it: its spelling is by first steps and names."""
    clamp = np.array([", ".join(sorted(str(one).split(", "))) if str(one) not in ("", "nan") else "" for one in sweep.column("intervene.clamp")])
    return sweep.where(clamp == (", ".join(sorted(GIVEN[name].split(", "))) if GIVEN[name] else ""))


def ratio(sweep, name, other, seed):
    """The geometric mean of t_ICL under one clamp over that under another; missing if a run did not acquire ICL."""
    times = []
    for which in (name, other):
        runs = given(sweep, which).runs
        time, event = stats.survival.of_runs(runs)
        if not len(time) or not event.all():
            return missing(f"{int((~event).sum())} of {len(time)} runs with {which} given did not acquire ICL", len(time))
        times.append(np.log(np.maximum(time, 1)))
    return stats.bootstrap(times, lambda groups: float(np.exp(groups[0].mean() - groups[1].mean())), seed=seed)


def heads_of(sweep):
    return int(sweep.setting("blocks.n_heads"))


def analyse(item):
    sweep, seed = item.sweep, item.seed
    quantities = {"time_with_previous": ratio(sweep, "previous", "none", seed), "time_with_match": ratio(sweep, "match", "none", seed),
                  "time_with_both_over_match": ratio(sweep, "both", "match", seed)}
    without = given(sweep, "none")
    lesions = np.array([without.runs[f"final_without_head_icl_accuracy_1_{head}"] for head in range(heads_of(sweep))])
    quantities["worst_lesion"] = stats.shares.median(lesions.min(axis=0))
    for name in GIVEN:
        time, event = stats.survival.of_runs(given(sweep, name).runs)
        quantities[f"t_icl_{name}"] = stats.survival.kaplan_meier(time, event).median()
    return quantities


def draw(item, quantities):
    sweep = item.sweep
    figure, (left, middle, right) = plot.figure(columns=2, height=2.4, panels=3)
    for name, colour in COLOURS.items():
        here = given(sweep, name)
        for run in here.series("icl_accuracy"):
            there = ~np.isnan(run)
            left.plot(sweep.steps[there], run[there], color=colour, linewidth=0.7, alpha=0.8)
        left.plot([], [], color=colour, label=f"given: {name}")
    plot.accuracy_axis(left, "ICL accuracy")
    left.set_xlabel("training (steps)")
    left.set_title("with parts given")
    left.legend(loc="lower right", fontsize=5)
    without, seed = given(sweep, "none"), 0
    for axes, layer, column, title in ((middle, 0, "attention_on_previous", "labels on their items"), (right, 1, "attention_after_copy", "target behind its copy")):
        for colour, head in zip(plot.ordered_colours(heads_of(sweep)), range(heads_of(sweep))):
            run = without.series(f"{column}_{layer}_{head}")[seed]
            there = ~np.isnan(run)
            axes.plot(sweep.steps[there], run[there], color=colour, linewidth=0.9, label=f"head {head}")
        axes.set_ylim(-0.02, 1.02)
        axes.set_title(title)
        axes.set_ylabel(f"attention, layer {layer}")
        axes.set_xlabel("training (steps)")
    middle.legend(loc="upper left", fontsize=4.5, ncol=2)
    plot.letters(left, middle, right)
    return figure
