"""Figure 4: the averaged landscape L(w, beta), its nullcline and flow, and measured trajectories of the minimal model."""

import numpy as np

from icl_lab import plot, stats, theory
from icl_lab.estimate import missing


def crossing(w, beta, level=1.0):
    """beta where a trajectory first reaches w = level, between its points; NaN if it does not."""
    above = np.flatnonzero(w >= level)
    if above.size == 0 or above[0] == 0:
        return float("nan")
    i = above[0]
    return float(beta[i - 1] + (beta[i] - beta[i - 1]) * (level - w[i - 1]) / (w[i] - w[i - 1]))


def trajectories(sweep):
    """(beta0, w along the run, beta along the run) of each run."""
    for row, w, beta in zip(sweep.runs, sweep.series("effective_w"), sweep.series("effective_beta")):
        there = ~np.isnan(w)
        yield float(row["model.beta0"]), w[there], beta[there]


def analyse(item):
    sweep = item.sweep
    N, rate = sweep.setting("data.N"), sweep.setting("train.learning_rate")
    runs = sweep.runs[sweep.runs["acquired"] == 1]
    if not len(runs):
        return {name: missing("no run acquired ICL") for name in ("t_icl_over_landscape", "beta_at_w_1_minus_flow")}
    expected = {b: theory.tau_star(b, N, rate, landscape=True)["t_icl_steps_landscape"] for b in map(float, np.unique(runs["model.beta0"]))}
    middle = (runs["t_icl_step"] + runs["t_icl_previous"]) / 2
    ratios = np.array([t / expected[float(b)] for t, b in zip(middle, runs["model.beta0"])])
    gaps = [crossing(w, beta) - crossing(*theory.flow(b)) for b, w, beta in trajectories(sweep)]
    return {"t_icl_over_landscape": stats.shares.median(ratios), "beta_at_w_1_minus_flow": stats.shares.mean(gaps)}


def draw(item, quantities):
    N = item.sweep.setting("data.N")
    figure, axes = plot.figure(columns=1, height=2.9)
    land = theory.landscape(N, (-0.5, 6, 131), (-2, 7, 181))
    plot.landscape_panel(axes, land, (-0.3, 5, -1.5, 6.5))
    shown = set()
    for beta0, w, beta in trajectories(item.sweep):
        axes.plot(w, beta, color=plot.VERMILION, linewidth=0.8, alpha=0.8, label=None if shown else "measured")
        if beta0 not in shown:
            plot.theory_line(axes, *theory.flow(beta0), None if shown else "flow")
        shown.add(beta0)
    plot.legend_over(axes, loc="lower right")
    return figure
