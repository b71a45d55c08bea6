"""Which decay makes ICL transient: of the attention, of the MLP, of both, of none."""

import numpy as np

from icl_lab import plot, stats
from icl_lab.estimate import missing

NO_DECAY = 1e-6


def cases(sweep):
    """(decay of the attention, decay of the MLP) -> sweep of these runs."""
    runs = sweep.runs
    pairs = sorted({(float(a), float(m)) for a, m in zip(runs["train.weight_decay_attention"], runs["train.weight_decay_mlp"])})
    return {pair: sweep.where((runs["train.weight_decay_attention"] == pair[0]) & (runs["train.weight_decay_mlp"] == pair[1])) for pair in pairs}


def share_lost(sweeps):
    acquired = sum(int((s.runs["acquired"] == 1).sum()) for s in sweeps)
    lost = sum(int((~np.isnan(s.runs["t_lost_step"])).sum()) for s in sweeps)
    return stats.share(lost, acquired) if acquired else missing("no run acquired ICL")


def analyse(item):
    by_case = cases(item.sweep)
    groups = {"none": lambda a, m: a <= NO_DECAY and m <= NO_DECAY, "attention": lambda a, m: a > NO_DECAY >= m,
              "mlp": lambda a, m: a <= NO_DECAY < m, "both": lambda a, m: a > NO_DECAY and m > NO_DECAY}
    quantities = {}
    for name, belongs in groups.items():
        chosen = [s for (a, m), s in by_case.items() if belongs(a, m)]
        runs = sum(len(s) for s in chosen)
        if runs:
            quantities[f"share_acquired_{name}"] = stats.share(sum(int(s.runs["acquired"].sum()) for s in chosen), runs)
            quantities[f"share_lost_{name}"] = share_lost(chosen)
    return quantities


def draw(item, quantities):
    by_case = cases(item.sweep)
    attention = sorted({a for a, _ in by_case})
    mlp = sorted({m for _, m in by_case})
    figure, grid = plot.figure(columns=2, height=1.4 * len(attention) + 0.5, rows=len(attention), panels=len(mlp), squeeze=False, sharex=True, sharey=True)
    for axes_row, a in zip(grid, attention):
        for axes, m in zip(axes_row, mlp):
            sweep = by_case[(a, m)]
            plot.curves(axes, sweep, "icl_accuracy", plot.BLUE, "ICL")
            plot.curves(axes, sweep, "iwl_accuracy", plot.VERMILION, "IWL")
            plot.accuracy_axis(axes, "accuracy" if m == mlp[0] else "")
            text = [f"{name} {value:g}" for name, value in (("attention", a), ("MLP", m)) if value > NO_DECAY]
            axes.set_title("decay: " + (", ".join(text) or "none"))
    for axes in grid[-1]:
        axes.set_xlabel("training (steps)")
    grid[0][0].legend(loc="lower right", ncols=2)
    return figure
