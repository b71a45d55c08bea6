"""Raventos et al. 2023: losses on fresh tasks and on those of training, and which ideal observer the answers are those of, against the number of tasks."""

import numpy as np

from icl_lab import plot, stats

LINES = (("", "network", plot.BLACK, "o"), ("ridge_", "ridge", plot.BLUE, "s"), ("dmmse_", "dMMSE", plot.VERMILION, "^"))


def ridge_share(runs, kind="icl"):
    """0 where the answers are those of dMMSE, 1 where they are those of ridge."""
    d, r = runs[f"final_{kind}_dmmse_distance"], runs[f"final_{kind}_ridge_distance"]
    return d / (d + r)


def analyse(item):
    runs, M = item.sweep.runs, item.sweep.column("data.K").astype(float)
    finite, share = np.isfinite(M), ridge_share(item.sweep.runs)
    quantities = {f"ridge_share_at_{int(m)}": stats.shares.mean(share[M == m], within=(0, 1)) for m in np.unique(M[finite])}
    quantities["threshold"] = stats.crossing(M[finite], share[finite], seed=item.seed)
    endless = runs["final_icl_loss"][~finite] / runs["final_icl_ridge_loss"][~finite]
    quantities["loss_over_ridge_at_infinity"] = stats.shares.mean(endless)
    return quantities


def draw_losses(axes, M, runs, kind, title):
    for name, label, colour, marker in LINES:
        loss = runs[f"final_{kind}_{name}loss"]
        places = np.unique(M)
        axes.plot(M, loss, marker, color=colour, alpha=0.4, markersize=2.6, markeredgewidth=0)
        axes.plot(places, [loss[M == m].mean() for m in places], color=colour, label=label)
    axes.set_xscale("log", base=2)
    axes.set_xlabel("tasks M")
    axes.set_ylabel("squared error")
    axes.set_title(title)


def draw(item, quantities):
    M = item.sweep.column("data.K").astype(float)
    runs, M = item.sweep.runs[np.isfinite(M)], M[np.isfinite(M)]
    figure, (left, middle, right) = plot.figure(columns=2, height=2.3, panels=3)
    draw_losses(left, M, runs, "icl", "fresh tasks")
    draw_losses(middle, M, runs, "iwl", "the M tasks of training")
    left.legend(loc="upper right")
    for kind, label, colour in (("icl", "on fresh tasks", plot.BLACK), ("iwl", "on the M tasks", plot.GREY)):
        share, places = ridge_share(runs, kind), np.unique(M)
        right.plot(M, share, "o", color=colour, alpha=0.4, markersize=2.6, markeredgewidth=0)
        right.plot(places, [share[M == m].mean() for m in places], color=colour, label=label)
    right.axhline(0.5, color=plot.GREY, linewidth=0.6, linestyle=(0, (1, 2)))
    right.set_xscale("log", base=2)
    right.set_ylim(0, 1)
    right.set_xlabel("tasks M")
    right.set_ylabel("share of ridge (0: dMMSE)")
    right.legend(loc="lower right")
    plot.letters(left, middle, right)
    return figure
