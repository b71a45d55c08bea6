"""Figure 2d: learning curves at one K, on the clock and from the moment of acquisition."""

import numpy as np

from icl_lab import plot, stats
from icl_lab.curves import rise_over_t_icl


def analyse(item):
    runs = item.sweep.runs
    acquired = runs["acquired"] == 1
    quantities = {"share_acquired": stats.share(int(acquired.sum()), len(runs))}
    rises = rise_over_t_icl(item.sweep)
    if rises.size:
        quantities["rise_over_t_icl"] = stats.shares.median(rises)
        quantities["t_icl"] = stats.survival.kaplan_meier(*stats.survival.of_runs(runs)).median()
    return quantities


def draw(item, quantities):
    sweep = item.sweep
    figure, (left, right) = plot.figure(columns=2, height=2.3, panels=2)
    plot.curves(left, sweep, "icl_accuracy", plot.BLUE, "ICL", median=False)
    plot.curves(left, sweep, "iwl_accuracy", plot.VERMILION, "IWL", median=False)
    plot.accuracy_axis(left)
    left.set_xlabel("training (steps)")
    left.set_title(f"{len(sweep)} seeds, K = {sweep.setting('data.K'):,}")
    left.legend(loc="upper left")
    for row, run in zip(sweep.runs, sweep.series("icl_accuracy")):
        if row["acquired"]:
            there = ~np.isnan(run)
            right.plot(sweep.steps[there] / row["t_icl_step"], run[there], color=plot.BLUE, linewidth=0.6, alpha=0.6)
    plot.accuracy_axis(right, "ICL accuracy")
    right.set_xlim(0, 1.3)
    right.set_xlabel("steps / t_ICL")
    right.set_title("each run on its own clock")
    plot.letters(left, right)
    return figure
