"""The transformer with its attention clamped to the copy from the first step on: what is left to learn is the readout."""

import numpy as np

from icl_lab import plot, stats


def predicted(sweep):
    """dw/dt = 1/2 at first, and 95 % are right once w exceeds 1.645 spreads of phi: 2 (1.645 spread - w(0)) / learning rate steps."""
    w0, spread = sweep.series("effective_w")[:, 0], sweep.series("phi_deviation")[:, 0]
    return 2 * (1.645 * spread - w0) / sweep.setting("train.learning_rate")


def analyse(item):
    quantities = {}
    time = np.where(item.sweep.runs["acquired"] == 1, item.sweep.runs["t_icl_step"], np.inf)
    quantities["t_icl"] = stats.shares.median(time)
    quantities["measured_over_predicted"] = stats.shares.median(time / predicted(item.sweep))
    K = item.sweep.column("data.K").astype(float)
    for k in np.unique(K):
        quantities[f"t_icl_{k:g}"] = stats.shares.median(time[K == k])
    return quantities


def draw(item, quantities):
    figure, axes = plot.figure(columns=1, height=2.4)
    K = item.sweep.column("data.K").astype(float)
    time = np.where(item.sweep.runs["acquired"] == 1, item.sweep.runs["t_icl_step"], np.nan)
    for colour, marker, k in zip((plot.BLUE, plot.VERMILION), "os", np.unique(K)):
        axes.plot(predicted(item.sweep)[K == k], time[K == k], marker, color=colour, markersize=3.5, alpha=0.7, label="K infinite" if np.isinf(k) else f"K = {k:,.0f}")
    ends = np.array([0, np.nanmax(predicted(item.sweep)) * 1.1])
    plot.theory_line(axes, ends, ends, "as predicted")
    axes.set_xlabel("predicted from the start (steps)")
    axes.set_ylabel("t_ICL (steps)")
    axes.set_title("attention given: a few steps")
    axes.legend()
    return figure
