"""Figure 6c: outcomes over many seeds close to the threshold; t_ICL with censoring marked, and accuracy at fixed steps of runs that were not stopped."""

import numpy as np

from icl_lab import plot, stats
from icl_lab.estimate import Estimate


def logit_accuracy(sweep, fraction):
    """Logit of ICL accuracy, counts half a sequence away from 0 and 1, at the evaluation next to a fraction of the horizon."""
    place = np.argmin(np.abs(sweep.steps - fraction * sweep.runs["horizon"].max()))
    n = sweep.setting("eval.sequences")
    right = sweep.series("icl_accuracy")[:, place] * n
    return np.log((right + 0.5) / (n - right + 0.5)), int(sweep.steps[place])


def analyse(item):
    runs = item.sweep.runs
    time, event = stats.survival.of_runs(runs)
    never, late = stats.survival.plateau(time, event, float(runs["horizon"].max()))
    statistic, p = stats.dip.dip_test(logit_accuracy(item.sweep, 1.0)[0], seed=item.seed)
    error = 2 * np.sqrt(max(p * (1 - p), 1e-6) / 1000)
    return {
        "share_acquired": stats.share(int(event.sum()), len(runs)),
        "share_never": never,
        "acquired_in_last_half": late,
        "dip": Estimate(statistic, float("nan"), float("nan"), "Hartigan's dip of logit accuracy", len(runs)),
        "dip_p_of_accuracy_itself": Estimate(stats.dip.dip_test(item.sweep.runs["final_icl_accuracy"], seed=item.seed)[1], float("nan"), float("nan"),
                                             "Hartigan's dip of accuracy", len(runs)),
        "dip_p": Estimate(p, max(p - error, 0.0), min(p + error, 1.0), "p against uniform samples, with its Monte Carlo error", len(runs)),
    }


def draw(item, quantities):
    sweep = item.sweep
    figure, (left, middle, right) = plot.figure(columns=2, height=2.3, panels=3)
    plot.survival_panel(left, *stats.survival.of_runs(sweep.runs))
    left.set_xlabel("training (steps)")
    left.set_title(f"{len(sweep)} seeds, K = {sweep.setting('data.K'):,}")
    colour = np.where(sweep.runs["acquired"] == 1, plot.BLUE, plot.VERMILION)
    for run, c in zip(sweep.series("icl_accuracy"), colour):
        middle.plot(sweep.steps[1:], run[1:], color=c, linewidth=0.5, alpha=0.6)
    plot.accuracy_axis(middle, "ICL accuracy")
    middle.set_xlabel("training (steps)")
    middle.set_title("blue: acquires ICL")
    bins = np.linspace(0.425, 1.0, 24)
    for fraction, c in ((0.25, plot.SKY), (1.0, plot.BLUE)):
        place = np.argmin(np.abs(sweep.steps - fraction * sweep.runs["horizon"].max()))
        right.hist(sweep.series("icl_accuracy")[:, place], bins, histtype="step", color=c, label=f"at step {sweep.steps[place]:,}")
    right.set_xlabel("ICL accuracy")
    right.set_ylabel("runs")
    right.set_title(f"dip test: p = {quantities['dip_p'].value:.2g}")
    right.legend(loc="upper left")
    for axes, name in zip((left, middle, right), "abc"):
        plot.letter(axes, name)
    return figure
