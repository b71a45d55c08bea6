"""Figure 6c: outcomes over many seeds close to the threshold; t_ICL with censoring marked, and accuracy at fixed steps of runs that were not stopped."""

import numpy as np

from icl_lab import plot, stats
from icl_lab.estimate import Estimate, missing


def logit_accuracy(sweep, fraction):
    """Logit of ICL accuracy, counts half a sequence away from 0 and 1, at the evaluation next to a fraction of the horizon."""
    place = np.argmin(np.abs(sweep.steps - fraction * sweep.runs["horizon"].max()))
    n = sweep.setting("eval.sequences")
    right = sweep.series("icl_accuracy")[:, place] * n
    return np.log((right + 0.5) / (n - right + 0.5)), int(sweep.steps[place])


def analyse(item):
    runs = item.sweep.runs
    time, event = stats.survival.of_runs(runs)
    horizon = float(runs["horizon"].max())
    never, _ = stats.survival.plateau(time, event, horizon)
    waiting, late = time > horizon / 2, (time > horizon / 2) & event
    statistic, p = stats.dip.dip_test(logit_accuracy(item.sweep, 1.0)[0], seed=item.seed)
    return {
        "share_acquired": stats.share(int(event.sum()), len(runs)),
        "share_never": never,
        "acquired_of_those_without_at_half": stats.share(int(late.sum()), int(waiting.sum())) if waiting.any() else missing("all have acquired it by then"),
        "share_that_keeps_ICL": stats.share(int((event & np.isnan(runs["t_lost_step"])).sum()), len(runs)),
        "dip": Estimate(statistic, float("nan"), float("nan"), "Hartigan's dip of logit accuracy", len(runs)),
        "dip_p_of_accuracy_itself": Estimate(stats.dip.dip_test(item.sweep.runs["final_icl_accuracy"], seed=item.seed)[1], float("nan"), float("nan"),
                                             "Hartigan's dip of accuracy", len(runs)),
        "dip_p": Estimate(p, float("nan"), float("nan"), "p of Hartigan's dip of logit accuracy", len(runs)),
    }


def draw(item, quantities):
    sweep = item.sweep
    figure, (left, middle, right) = plot.figure(columns=2, height=2.3, panels=3)
    plot.survival_panel(left, *stats.survival.of_runs(sweep.runs))
    left.set_xlabel("training (steps)")
    left.set_title(f"{len(sweep)} seeds, K = {sweep.setting('data.K'):,}")
    lost = ~np.isnan(sweep.runs["t_lost_step"])
    colour = np.where(sweep.runs["acquired"] == 0, plot.VERMILION, np.where(lost, plot.ORANGE, plot.BLUE))
    for run, c in zip(sweep.series("icl_accuracy"), colour):
        middle.plot(sweep.steps[1:], run[1:], color=c, linewidth=0.5, alpha=0.6)
    plot.accuracy_axis(middle, "ICL accuracy")
    middle.set_xlabel("training (steps)")
    for c, label in ((plot.BLUE, "acquires ICL"), (plot.ORANGE, "and falls below 0.9"), (plot.VERMILION, "does not")):
        middle.plot([], [], color=c, label=label)
    middle.legend(loc="lower right", facecolor="white", frameon=True, framealpha=0.9, edgecolor="none")
    middle.set_title("each run")
    bins = np.linspace(0.425, 1.0, 24)
    for fraction, c in ((0.25, plot.SKY), (1.0, plot.BLUE)):
        place = np.argmin(np.abs(sweep.steps - fraction * sweep.runs["horizon"].max()))
        right.hist(sweep.series("icl_accuracy")[:, place], bins, histtype="step", color=c, label=f"at step {sweep.steps[place]:,}")
    right.set_xlabel("ICL accuracy")
    right.set_ylabel("runs")
    right.set_title(f"dip: p = {quantities['dip_p_of_accuracy_itself'].value:.2g}; of logit {quantities['dip_p'].value:.2g}")
    right.legend(loc="upper left")
    plot.letters(left, middle, right)
    return figure
