"""Figure 3: transition, abrupt acquisition and transience of the minimal model."""

import numpy as np

from icl_lab import plot, stats
from icl_lab.curves import rise_over_t_icl

PREDICTED_K = 1290  # from theory and memoriser alone, before any run: see experiment.toml


def parts(sweep):
    """(runs of the transition, runs under decay)."""
    decayed = sweep.column("train.weight_decay_attention") > 1e-6
    return sweep.where(~decayed), sweep.where(decayed)


def analyse(item):
    transition, decayed = parts(item.sweep)
    runs = transition.runs
    quantities = {
        "K_star": stats.threshold.spearman_karber(runs["data.K"], runs["acquired"], seed=item.seed),
        "transition_decades": stats.threshold.width(runs["data.K"], runs["acquired"]),
    }
    rises = rise_over_t_icl(transition)
    if rises.size:
        quantities["rise_over_t_icl"] = stats.shares.median(rises)
    acquired = decayed.runs["acquired"] == 1
    quantities["share_acquired_under_decay"] = stats.share(int(acquired.sum()), len(acquired))
    if acquired.any():
        lost = ~np.isnan(decayed.runs["t_lost_step"])
        quantities["share_lost"] = stats.share(int((acquired & lost).sum()), int(acquired.sum()))
    return quantities


def draw(item, quantities):
    transition, decayed = parts(item.sweep)
    figure, (left, middle, right) = plot.figure(columns=2, height=2.3, panels=3)
    runs = transition.runs
    plot.share_points(left, runs["data.K"], runs["acquired"] == 1)
    K_star = quantities["K_star"]
    if np.isfinite(K_star.value) and K_star.value > 0:
        left.axvspan(K_star.low, K_star.high, color=plot.BLUE, alpha=0.12, linewidth=0, label="K* and interval")
    if item.scale == "desk":
        left.axvline(PREDICTED_K, color="black", linestyle=(0, (4, 2)), linewidth=1, label=f"predicted: {PREDICTED_K}")
    plot.log_K_axis(left)
    left.set_ylim(-0.03, 1.05)
    left.set_ylabel("share of runs that acquire ICL")
    left.legend(loc="lower right")
    left.set_title("transition")
    K = np.unique(runs["data.K"])
    for colour, k in zip(plot.ordered_colours(len(K)), K):
        plot.curves(middle, transition.where(data_K=k), "icl_accuracy", colour, f"{k:,.0f}")
    plot.accuracy_axis(middle, "ICL accuracy")
    middle.set_xscale("log")
    plot.plain_log_axis(middle.xaxis)
    middle.set_xlabel("training (steps)")
    middle.set_title("acquisition, by K")
    middle.legend(fontsize=5.5, loc="upper left")
    plot.curves(right, decayed, "icl_accuracy", plot.BLUE, "ICL")
    plot.curves(right, decayed, "iwl_accuracy", plot.VERMILION, "IWL")
    plot.accuracy_axis(right)
    right.set_xlabel("training (steps)")
    right.set_title("under decay")
    right.legend(loc="center right")
    plot.letters(left, middle, right)
    return figure
