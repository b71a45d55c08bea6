"""Reddy 2024: where runs of two layers of attention end, against classes and burstiness, and how they get there."""

import numpy as np

from icl_lab import plot, stats
from icl_lab.curves import rise_over_t_icl

COUNTED = 0.75  #: an ICL accuracy that counting labels does not reach


def analyse(item):
    sweep = item.sweep
    runs, K, bursty = sweep.runs, sweep.column("data.K"), sweep.column("data.bursty")
    few, many, bare = (K == K.min()) & (bursty == 1), (K == K.max()) & (bursty == 1), bursty == 0
    quantities = {
        "icl_accuracy_at_smallest_K": stats.shares.mean(runs["final_icl_accuracy"][few], within=(0, 1)),
        "iwl_accuracy_at_smallest_K": stats.shares.mean(runs["final_iwl_accuracy"][few], within=(0, 1)),
        "share_acquired_at_largest_K": stats.share(int(runs["acquired"][many].sum()), int(many.sum())),
        "icl_accuracy_without_copies": stats.shares.mean(runs["final_icl_accuracy"][bare], within=(0, 1)),
    }
    rises = rise_over_t_icl(sweep, COUNTED)
    if rises.size:
        quantities["rise_over_t_icl"] = stats.shares.median(rises)
    return quantities


def draw_ends(axes, x, runs):
    for name, colour, marker in (("icl", plot.BLUE, "o"), ("iwl", plot.VERMILION, "s")):
        final = runs[f"final_{name}_accuracy"]
        axes.plot(x, final, marker, color=colour, alpha=0.45, markersize=2.6, markeredgewidth=0, zorder=2)
        places = np.unique(x)
        axes.plot(places, [final[x == place].mean() for place in places], color=colour, marker=marker, label=name.upper(), zorder=3)
    plot.accuracy_axis(axes, "accuracy at the end of a run")


def draw(item, quantities):
    sweep = item.sweep
    K, bursty = sweep.column("data.K"), sweep.column("data.bursty")
    figure, (left, middle, right) = plot.figure(columns=2, height=2.3, panels=3)
    draw_ends(left, K[bursty == 1], sweep.runs[bursty == 1])
    plot.log_K_axis(left)
    left.set_title("every sequence has a copy")
    left.legend(loc="center left")
    draw_ends(middle, bursty[K == K.max()], sweep.runs[K == K.max()])
    middle.set_xlabel("share of sequences with a copy")
    middle.set_title(f"K = {int(K.max()):,}")
    for k, colour in zip(np.unique(K), plot.ordered_colours(len(np.unique(K)))):
        for run in sweep.series("icl_accuracy")[(K == k) & (bursty == 1)]:
            there = ~np.isnan(run)
            right.plot(sweep.steps[there], run[there], color=colour, linewidth=0.7, alpha=0.8)
        right.plot([], [], color=colour, label=f"K = {int(k):,}")
    plot.accuracy_axis(right, "ICL accuracy")
    right.set_xlabel("training (steps)")
    right.legend(loc="lower right", fontsize=5)
    plot.letters(left, middle, right)
    return figure
