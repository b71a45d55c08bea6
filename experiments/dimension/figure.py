"""t_ICL of the minimal model at K = infinity against the dimension of the items."""

import numpy as np

from icl_lab import plot, stats, theory


def ratios(sweep):
    """D -> measured t_ICL (middle of the interval between evaluations) over that of the landscape, of each run; inf where ICL was not acquired."""
    N, rate = sweep.setting("data.N"), sweep.setting("train.learning_rate")
    runs = sweep.runs
    time = np.where(runs["acquired"] == 1, (runs["t_icl_step"] + runs["t_icl_previous"]) / 2, np.inf)
    expected = np.array([theory.tau_star(float(b), N, rate, landscape=True)["t_icl_steps_landscape"] for b in sweep.column("model.beta0")])
    return {int(D): (time / expected)[runs["data.D"] == D] for D in np.unique(runs["data.D"])}


def analyse(item):
    return {f"t_icl_over_landscape_{D}": stats.shares.median(found) for D, found in ratios(item.sweep).items()}


def draw(item, quantities):
    figure, axes = plot.figure(columns=1, height=2.4)
    found = ratios(item.sweep)
    for D, values in found.items():
        finite = values[np.isfinite(values)]
        axes.plot(np.full(finite.size, D), finite, ".", color=plot.SKY, markersize=4)
        plot.never_marks(axes, np.full(values.size - finite.size, D), None)
    plot.estimate_points(axes, list(found), [quantities[f"t_icl_over_landscape_{D}"] for D in found], plot.BLUE, "median and interval")
    axes.axhline(1, color="black", linestyle=(0, (4, 2)), linewidth=1, label="orthonormal items (theory)")
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(found), [str(D) for D in found])
    axes.minorticks_off()
    axes.set_xlabel("dimension D of the items")
    axes.set_ylabel("t_ICL / the landscape's")
    axes.legend()
    return figure
