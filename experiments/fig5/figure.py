"""Figures 5, A2, A3: how fast a memoriser learns K items, and its integrated signal I_K against K."""

import numpy as np

from icl_lab import plot, stats
from icl_lab.estimate import Estimate


def curves(sweep):
    """(K, t = learning rate x steps, c1, c2, c3) of each run."""
    rate = sweep.column("train.learning_rate")
    for i, K in enumerate(sweep.column("data.K")):
        there = ~np.isnan(sweep.series("c1")[i])
        yield (float(K), float(rate[i]) * sweep.steps[there], *(sweep.series(name)[i][there] for name in ("c1", "c2", "c3")))


def integral(t, c1):
    """I = integral of c1 dt, by trapezoids."""
    return float(np.sum(np.diff(t) * (c1[1:] + c1[:-1]) / 2))


def until(t, c1, level):
    """The same, as if the run had ended where c1 first was below a level."""
    below = np.flatnonzero(c1 < level)
    end = below[0] + 1 if below.size else c1.size
    return integral(t[:end], c1[:end])


def largest_tail(t, c1):
    """What is missed beyond the end if c1 slowed down at once to the slowest fall there can be, 1 / (t (ln t)^(4/3)), that of the loss of a homogeneous
    network of three layers (Lyu & Li 2020): 3 c1(T) T ln T."""
    return 3 * c1[-1] * t[-1] * np.log(t[-1])


def analyse(item):
    runs = list(curves(item.sweep))
    K = np.array([run[0] for run in runs])
    signals = {"": [integral(t, c1) for _, t, c1, *_ in runs],
               "_until_c1_0.1": [until(t, c1, 0.1) for _, t, c1, *_ in runs],
               "_with_largest_tail": [integral(t, c1) + largest_tail(t, c1) for _, t, c1, *_ in runs],
               "_without_rises_of_c1": [integral(t, np.minimum.accumulate(c1)) for _, t, c1, *_ in runs]}
    quantities = {}
    for name, signal in signals.items():
        fit = stats.power_law.fit(K, signal)
        quantities[f"nu{name}"] = fit.slope
        if not name:
            quantities["curvature"] = fit.curvature
            quantities["nu_one_K_left_out"] = Estimate(fit.slope.value, *fit.leave_one_out, "least and greatest slope with one K left out", K.size)
    signal = np.array(signals[""])
    middle = np.unique(K)[np.unique(K).size // 2]
    for name, part in (("lower", K <= middle), ("upper", K >= middle)):
        if np.unique(K[part]).size > 1:
            quantities[f"nu_{name}_half"] = stats.power_law.fit(K[part], signal[part]).slope
    for k in np.unique(K):
        quantities[f"I_K_{k:.0f}"] = stats.shares.mean(signal[K == k])
    return quantities


def draw(item, quantities):
    runs = list(curves(item.sweep))
    K = np.array([run[0] for run in runs])
    figure, (left, middle, right) = plot.figure(columns=2, height=2.4, panels=3)
    places = np.unique(K)
    colours = plot.ordered_colours(places.size)
    first = colours[0]
    for colour, k in zip(colours, places):
        for number, (_, t, c1, c2, c3) in enumerate(run for run in runs if run[0] == k):
            left.loglog(t[1:], c1[1:], color=colour, linewidth=0.7, alpha=0.7, label=f"{k:,.0f}" if number == 0 else None)
            middle.loglog(t[1:], 1 - c2[1:], color=colour, linewidth=0.7, alpha=0.7, label="1 - c2" if colour is first and number == 0 else None)
            middle.loglog(t[1:], c3[1:], "--", color=colour, linewidth=0.6, alpha=0.5, label="c3" if colour is first and number == 0 else None)
    for axes, label, title in ((left, "c1 = <sigma(-phi+)>", "the signal left"), (middle, "1 - c2, c3", "two more moments")):
        axes.set_xlabel("learning rate x steps")
        axes.set_ylabel(label)
        axes.set_title(title)
    left.legend(title="K", fontsize=6, loc="lower left")
    middle.legend(fontsize=6, loc="lower left")
    signal = np.array([integral(t, c1) for _, t, c1, *_ in runs])
    right.plot(K, signal, "o", color=plot.BLUE, markersize=3, alpha=0.7, label="each run")
    fit = stats.power_law.fit(K, signal)
    right.plot(places, fit.prefactor * places ** fit.slope.value, color=plot.BLUE, linewidth=1, label=f"nu = {fit.slope}")
    centre = np.exp(np.log(signal).mean() - 0.7 * np.log(K).mean())
    plot.theory_line(right, places, centre * places ** 0.7, "the paper's 0.7")
    right.set_xscale("log")
    right.set_yscale("log")
    for axis in (right.xaxis, right.yaxis):
        plot.plain_log_axis(axis)
    right.set_xlabel("items K")
    right.set_ylabel("integrated signal I_K")
    right.set_title("memorisation scaling")
    right.legend(fontsize=6)
    plot.letters(left, middle, right)
    return figure
