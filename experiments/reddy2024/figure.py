"""Reddy 2024: where runs of two layers of attention end, against what their data are, and how they get there."""

import numpy as np

from icl_lab import plot, stats
from icl_lab.curves import rise_over_t_icl

GUESSED = 0.6  #: an ICL accuracy that no guess among the labels of a context reaches
MANY = 2048    #: classes from which in-context learning comes first
BASE = {"data.bursty": 1.0, "data.copies": 2, "data.noise": 0.1, "data.label_count": 32, "data.zipf": 0.0, "data.novel": 0.0}


def chosen(sweep, **settings):
    """Runs at the base settings but for these (K=..., copies=...)."""
    wanted = BASE | {f"data.{key}": value for key, value in settings.items()}
    mask = np.ones(len(sweep.runs), dtype=bool)
    for key, value in wanted.items():
        if key in sweep.runs.dtype.names:
            mask &= np.nan_to_num(sweep.column(key), nan=BASE.get(key, np.nan)) == value  # NaN: not set there
    return mask


def mean_of(sweep, name, mask):
    return stats.shares.mean(sweep.runs[f"final_{name}_accuracy"][mask], within=(0, 1))


def gain(sweep, name, high, low):
    """The mean difference of an accuracy between two settings, seed by seed."""
    high, low = (sweep.runs[f"final_{name}_accuracy"][mask][np.argsort(sweep.column("seed")[mask])] for mask in (high, low))
    return stats.shares.mean(high - low, within=(-1, 1))


def analyse(item):
    sweep = item.sweep
    K, acquired = sweep.column("data.K"), sweep.runs["acquired"]
    few, many, at = chosen(sweep, K=K.min()), chosen(sweep, K=K.max()), lambda **more: chosen(sweep, K=512, **more)
    zipf = chosen(sweep, K=K.max(), zipf=1.0)
    both = np.minimum(sweep.runs["final_icl_accuracy"], sweep.runs["final_frequent_accuracy"])[zipf] > 0.5
    quantities = {
        "icl_accuracy_at_smallest_K": mean_of(sweep, "icl", few),
        "iwl_accuracy_at_smallest_K": mean_of(sweep, "iwl", few),
        "share_acquired_at_largest_K": stats.share(int(acquired[many].sum()), int(many.sum())),
        "iwl_accuracy_at_largest_K": mean_of(sweep, "iwl", many),
        "icl_accuracy_without_copies": mean_of(sweep, "icl", chosen(sweep, bursty=0.0)),
        "icl_gain_of_copies": gain(sweep, "icl", at(copies=4), at(copies=1)),
        "icl_gain_of_noise": gain(sweep, "icl", at(noise=1.0), at(noise=0.0)),
        "swapped_accuracy_at_largest_K": mean_of(sweep, "swapped", many),
        "share_of_both_under_zipf": stats.share(int(both.sum()), int(zipf.sum())),
    }
    rises = rise_over_t_icl(sweep.where(chosen(sweep) & (K >= MANY)), GUESSED)
    if rises.size:
        quantities["rise_over_t_icl"] = stats.shares.median(rises)
    return quantities


def accuracy(axes, label):
    """An axis from 0 to 1: with many labels chance is not 0.5."""
    axes.set_ylim(-0.03, 1.03)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.set_ylabel(label)


def draw_ends(axes, x, runs):
    for name, label, colour, marker in (("icl", "ICL", plot.BLUE, "o"), ("iwl", "IWL", plot.VERMILION, "s"), ("swapped", "labels swapped", plot.GREEN, "^")):
        final, places = runs[f"final_{name}_accuracy"], np.unique(x)
        axes.plot(x, final, marker, color=colour, alpha=0.45, markersize=2.6, markeredgewidth=0, zorder=2)
        axes.plot(places, [final[x == place].mean() for place in places], color=colour, marker=marker, markersize=3, label=label, zorder=3)
    accuracy(axes, "accuracy at the end of a run")


def draw(item, quantities):
    sweep = item.sweep
    K = sweep.column("data.K")
    figure, axes = plot.figure(columns=2, height=4.4, rows=2, panels=3)
    left, middle, right, low_left, low_middle, low_right = axes.ravel()
    base = chosen(sweep)
    draw_ends(left, K[base], sweep.runs[base])
    plot.log_K_axis(left)
    left.legend(loc="center left", fontsize=5)
    for panel, key, label, settings in ((middle, "copies", "copies B of each class in the context", {"K": 512}),
                                        (right, "noise", "noise epsilon within a class", {"K": 512}),
                                        (low_left, "label_count", "labels L", {"K": 2048}), (low_middle, "zipf", "Zipf's exponent alpha", {"K": K.max()})):
        mask, values = np.zeros(len(K), dtype=bool), sweep.column(f"data.{key}") if f"data.{key}" in sweep.runs.dtype.names else np.full(len(K), BASE[f"data.{key}"])
        for value in np.unique(values):
            mask |= chosen(sweep, **settings, **{key: value})
        if mask.any():
            draw_ends(panel, values[mask], sweep.runs[mask])
        panel.set_xlabel(label)
        panel.set_title(f"K = {int(settings['K']):,}")
        if key == "label_count":
            panel.set_xscale("log")
            plot.plain_log_axis(panel.xaxis)
    for k, colour in zip(np.unique(K[base]), plot.ordered_colours(len(np.unique(K[base])))):
        for run in sweep.series("icl_accuracy")[base & (K == k)]:
            there = ~np.isnan(run)
            low_right.plot(sweep.steps[there], run[there], color=colour, linewidth=0.7, alpha=0.8)
        low_right.plot([], [], color=colour, label=f"K = {int(k):,}")
    accuracy(low_right, "ICL accuracy")
    low_right.set_xlabel("training (steps)")
    low_right.legend(loc="center right", fontsize=5)
    plot.letters(*axes.ravel())
    return figure
