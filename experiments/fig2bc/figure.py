"""Figures 2b and 2c: where runs end, against task diversity, and how they get there."""

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm

from icl_lab import plot, stats


def analyse(item):
    runs, K = item.sweep.runs, item.sweep.column("data.K")
    least, most = K == K.min(), K == K.max()
    return {
        "icl_accuracy_at_smallest_K": stats.shares.mean(runs["final_icl_accuracy"][least], within=(0, 1)),
        "iwl_accuracy_at_smallest_K": stats.shares.mean(runs["final_iwl_accuracy"][least], within=(0, 1)),
        "share_acquired_at_largest_K": stats.share(int(runs["acquired"][most].sum()), int(most.sum())),
        "iwl_accuracy_at_largest_K": stats.shares.mean(runs["final_iwl_accuracy"][most], within=(0, 1)),
        "transition_decades": stats.threshold.width(K, runs["acquired"]),
        "K_star": stats.threshold.spearman_karber(K, runs["acquired"], seed=item.seed),
    }


def draw_ends(axes, sweep):
    K = sweep.column("data.K")
    for name, colour, marker, label in (("icl", plot.BLUE, "o", "ICL: novel items"), ("iwl", plot.VERMILION, "s", "IWL: no copy")):
        final = sweep.runs[f"final_{name}_accuracy"]
        axes.plot(K, final, marker, color=colour, alpha=0.45, markersize=2.6, markeredgewidth=0, zorder=2)
        places = np.unique(K)
        means = [stats.shares.mean(final[K == k]) for k in places]
        axes.plot(places, [m.value for m in means], color=colour, marker=marker, label=label, zorder=3)
    plot.log_K_axis(axes)
    plot.accuracy_axis(axes, "accuracy at the end of a run")
    axes.set_title("mean of seeds")
    axes.set_ylim(0.36, 1.03)  # room for the legend, below all points
    axes.legend(loc="lower center", ncols=2, fontsize=6, columnspacing=0.8, handlelength=1.2)


def draw_shares(axes, item, K_star):
    sweep = item.sweep
    plot.share_points(axes, sweep.column("data.K"), sweep.runs["acquired"] == 1)
    if np.isfinite(K_star.value) and K_star.value > 0:
        axes.axvspan(K_star.low, K_star.high, color=plot.BLUE, alpha=0.12, linewidth=0)
        axes.axvline(K_star.value, color=plot.BLUE, linewidth=0.8)
        axes.text(K_star.high * 1.06, 0.04, f"K* = {K_star.value:,.0f}", fontsize=6.8, color=plot.BLUE)
    plot.log_K_axis(axes)
    axes.set_ylim(-0.03, 1.05)
    axes.set_ylabel("share of runs that acquire ICL")
    axes.set_title("95 % intervals")


def draw_ways(figure, axes, sweep):
    K = sweep.column("data.K")
    norm = LogNorm(K.min(), K.max())
    map_ = ScalarMappable(norm, "viridis_r")
    for run, k in zip(sweep.series("icl_accuracy"), K):
        there = ~np.isnan(run)
        axes.plot(sweep.steps[there][1:], run[there][1:], color=map_.to_rgba(k), linewidth=0.6, alpha=0.8)
    for row, run in zip(sweep.runs, sweep.series("icl_accuracy")):
        if row["stop_reason"] == "icl_accuracy":  # only these were stopped; others ran to the end
            axes.plot(row["last_step"], row["final_icl_accuracy"], ".", color=map_.to_rgba(row["data.K"]), markersize=4)
    bar = figure.colorbar(map_, ax=axes, aspect=30, pad=0.02)
    bar.set_label("K", rotation=0)
    axes.set_xscale("log")
    plot.plain_log_axis(axes.xaxis)
    plot.accuracy_axis(axes, "ICL accuracy")
    axes.set_xlabel("training (steps)")
    axes.set_title("dot: stopped there")


def draw(item, quantities):
    figure, (left, middle, right) = plot.figure(columns=2, height=2.3, panels=3)
    draw_ends(left, item.sweep)
    draw_shares(middle, item, quantities["K_star"])
    draw_ways(figure, right, item.sweep)
    plot.letters(left, middle, right)
    return figure
