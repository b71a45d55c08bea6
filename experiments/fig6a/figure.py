"""Figures 6a and A7: the threshold K* against context length, by three estimates and at three horizons."""

import numpy as np

from icl_lab import plot, stats
from icl_lab.estimate import Estimate, missing

FRACTIONS = (0.25, 0.5, 1.0)


def bracket(K, acquired):
    """Between the largest K where no run acquired ICL and the smallest where all did; no interval of 95 %."""
    low, high = stats.threshold.bracket(K, acquired)
    middle = float(np.sqrt(low * high)) if low > 0 and high < np.inf else float("nan")
    return Estimate(middle, low, high, "bracket: the largest K with no run, the smallest with all; its middle", len(K))


def by_context(item):
    """N -> (K*, [K* at each fraction of the horizon], the paper's sigmoid, bracket)."""
    found = {}
    for N in item.sweep.values("data.N"):
        runs = item.sweep.where(data_N=N).runs
        K = runs["data.K"]
        horizons = stats.threshold.at_horizons(K, runs["t_icl_step"], runs["horizon"], seed=item.seed, fractions=FRACTIONS)
        sigmoid = stats.threshold.sigmoid(K, runs["final_icl_accuracy"], seed=item.seed) if np.unique(K).size > 3 else missing("fewer than four K")
        found[int(N)] = (horizons[-1], horizons, sigmoid, bracket(K, runs["acquired"]))
    return found


def half_over_whole(found, runs):
    """Geometric mean over N of K* read at half of the horizon over K* at the whole; the interval supposes no correlation, and so is too wide."""
    logs = [(np.log(h[1].value / h[2].value), (np.log(h[1].high / h[1].low) / 3.92) ** 2 + (np.log(h[2].high / h[2].low) / 3.92) ** 2)
            for _, h, *_ in found.values() if all(np.isfinite([e.value, e.low, e.high]).all() and e.low > 0 for e in h[1:])]
    if not logs:
        return missing("K* lies outside of the grid", runs)
    mean, half = np.mean([m for m, _ in logs]), 1.96 * np.sqrt(np.sum([v for _, v in logs])) / len(logs)
    return Estimate(float(np.exp(mean)), float(np.exp(mean - half)), float(np.exp(mean + half)), "Spearman-Kaerber at both horizons", runs)


def analyse(item):
    runs = item.sweep.runs
    found = by_context(item)
    slope, curvature = stats.threshold.slope(item.sweep.column("data.N"), runs["data.K"], runs["acquired"], seed=item.seed)
    quantities = {"slope": slope, "curvature": curvature, "K_star_half_over_whole": half_over_whole(found, len(runs))}
    for N, (whole, horizons, sigmoid, between) in found.items():
        quantities[f"K_star_{N}"] = whole
        quantities[f"K_star_{N}_quarter_horizon"], quantities[f"K_star_{N}_half_horizon"] = horizons[:2]
        quantities[f"K_star_{N}_sigmoid"] = sigmoid
        quantities[f"K_star_{N}_bracket"] = between
    return quantities


def draw(item, quantities):
    sweep = item.sweep
    contexts = sweep.values("data.N")
    figure, (left, right) = plot.figure(columns=2, height=2.5, panels=2)
    for colour, N in zip(plot.ordered_colours(len(contexts)), contexts):
        here = sweep.where(data_N=N).runs
        plot.share_points(left, here["data.K"], here["acquired"] == 1, colour, f"N = {N}")
    plot.log_K_axis(left)
    left.set_ylabel("share of runs that acquire ICL")
    left.legend(loc="upper left")
    left.set_title("95 % intervals")
    names = {"": ("whole horizon", plot.BLUE, "o", 1.0), "_half_horizon": ("half of it", plot.SKY, "s", 0.965), "_quarter_horizon": ("a quarter", plot.GREEN, "v", 0.93),
             "_sigmoid": ("the paper's sigmoid", plot.ORANGE, "x", 1.035)}
    for suffix, (label, colour, marker, shift) in names.items():
        plot.estimate_points(right, contexts * shift, [quantities[f"K_star_{N}{suffix}"] for N in contexts], colour, label, marker)
    values = [quantities[f"K_star_{N}"].value for N in contexts]
    if np.isfinite(values).all() and min(values) > 0:
        middle = np.exp(np.mean(np.log(values)) - 1.23 * np.mean(np.log(contexts)))
        plot.theory_line(right, contexts, middle * contexts ** 1.23, "slope 1.23 = 1/nu, our nu")
        middle = np.exp(np.mean(np.log(values)) - 1.43 * np.mean(np.log(contexts)))
        plot.theory_line(right, contexts, middle * contexts ** 1.43, "slope 1.43, paper's nu = 0.7", plot.VERMILION)
    right.set_xscale("log")
    right.set_yscale("log")
    right.set_xticks(contexts, [str(N) for N in contexts])
    right.minorticks_off()
    plot.plain_log_axis(right.yaxis)
    right.set_xlabel("context length N (tokens)")
    right.set_ylabel("threshold K* (items)")
    right.set_title(f"slope {quantities['slope']}")
    right.legend(loc="upper left", fontsize=6)
    plot.letters(left, right)
    return figure
