"""What several figures draw."""

import matplotlib.pyplot as plt
import numpy as np

from ..stats import share
from ..stats.survival import KaplanMeier
from .style import BLUE, GREY, plain_log_axis

DASHES = (0, (4, 2))


def ordered_colours(n):
    """n colours of a sequence that is dark first and no two of which are close, for values in order."""
    return [plt.get_cmap("viridis")(place) for place in np.linspace(0.0, 0.88, max(n, 1))]


def accuracy_axis(axes, label="accuracy", chance=0.5):
    """From below chance, or below all that is drawn by then, to 1."""
    low = max(min(chance - 0.08, axes.dataLim.y0 - 0.02), -0.03)
    axes.set_yticks(np.arange(0.5, 1.01, 0.1) if low > 0.4 else np.arange(0, 1.01, 0.2))
    axes.set_ylim(low, 1.03)
    axes.set_ylabel(label)
    chance_line(axes, chance)


def chance_line(axes, chance=0.5):
    axes.axhline(chance, color=GREY, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)


def theory_line(axes, x, y, label="theory", colour="black", **keywords):
    axes.plot(x, y, color=colour, linestyle=DASHES, linewidth=1.1, label=label, zorder=4, **keywords)


def carried(sweep, values):
    """Where runs end because they had acquired ICL, their last value stands for the rest: a median of those that go on would be one of the slow."""
    values = values.copy()
    for run, reason in zip(values, sweep.runs["stop_reason"]):
        there = np.flatnonzero(~np.isnan(run))
        if reason == "icl_accuracy" and there.size:
            run[there[-1] + 1:] = run[there[-1]]
    return values


def curves(axes, sweep, name, colour, label=None, median=True, first=1):
    """Each run of a series, faint, and their median while most of them still run or have acquired ICL. Points from number `first` on (0: with the
    start)."""
    steps, values = sweep.steps[first:], sweep.series(name)[:, first:]
    if not np.isfinite(values).any():
        return
    for run in values:
        there = ~np.isnan(run)
        axes.plot(steps[there], run[there], color=colour, alpha=0.35 if median else 0.8, linewidth=0.6, zorder=2)
    if median and len(values):
        values = carried(sweep, values)
        enough = (~np.isnan(values)).sum(axis=0) * 2 > len(values)
        with np.errstate(all="ignore"):
            axes.plot(steps[enough], np.nanmedian(values[:, enough], axis=0), color=colour, linewidth=1.4, label=label, zorder=3)
    elif label:
        axes.plot([], [], color=colour, label=label)


def share_points(axes, x, happened, colour=BLUE, label=None, marker="o", shift=1.0):
    """The share of runs for which it happened at each x, with Jeffreys' interval. Returns x and shares."""
    x = np.asarray(x, dtype=float)
    places = np.unique(x)
    shares = [share(int(np.sum(np.asarray(happened)[x == place])), int(np.sum(x == place))) for place in places]
    value = np.array([s.value for s in shares])
    errors = np.array([[s.value - s.low for s in shares], [s.high - s.value for s in shares]])
    axes.errorbar(places * shift, value, errors, color=colour, marker=marker, linewidth=1.1, elinewidth=0.7, label=label, zorder=3, markersize=3.5)
    return places, value


def estimate_points(axes, x, estimates, colour=BLUE, label=None, marker="o", line=False):
    """Estimates with their intervals, an infinite end as an arrow; those that are not finite are left out (see never_marks)."""
    x = np.asarray(x, dtype=float)
    finite = np.array([np.isfinite(e.value) for e in estimates], dtype=bool)
    if not finite.any():
        return
    chosen = [e for e, f in zip(estimates, finite) if f]
    value = np.array([e.value for e in chosen])
    low = np.array([e.value - e.low if np.isfinite(e.low) else 0.0 for e in chosen])
    high = np.array([e.high - e.value if np.isfinite(e.high) else 0.0 for e in chosen])
    axes.errorbar(x[finite], value, [np.maximum(low, 0), np.maximum(high, 0)], color=colour, marker=marker, linestyle="-" if line else "none", elinewidth=0.8,
                  label=label, zorder=4, markersize=4)
    for place, estimate in zip(x[finite], chosen):
        for end in (estimate.low, estimate.high):
            if np.isinf(end):
                axes.annotate("", (place, estimate.value), (0, 14 * np.sign(end)), textcoords="offset points",
                              arrowprops={"arrowstyle": "<-", "color": colour, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0})


def never_marks(axes, x, label="not within the horizon", colour=GREY):
    """Open triangles at the upper edge: runs or points for which it never happened."""
    x = np.asarray(x, dtype=float)
    if x.size:
        axes.plot(x, np.full(x.size, 0.985), "^", markerfacecolor="none", markeredgecolor=colour, markeredgewidth=0.8, markersize=4, label=label,
                  transform=axes.get_xaxis_transform(), clip_on=False, zorder=5)


def survival_panel(axes, time, event, colour=BLUE, label=None, band=True):
    """The share of runs that still waits, as steps, with its band and a tick for each censored run."""
    curve = KaplanMeier(time, event)
    time, event = np.asarray(time, dtype=float), np.asarray(event, dtype=bool)
    x = np.concatenate([[0.0], curve.times, [curve.last]])
    y = np.concatenate([[1.0], curve.survival, curve.survival[-1:] if curve.times.size else [1.0]])
    axes.step(x, y, where="post", color=colour, label=label, linewidth=1.3, zorder=3)
    if band and curve.times.size:
        low, high = (np.concatenate([[1.0], np.nan_to_num(c), [np.nan_to_num(c[-1])]]) for c in curve.limits())
        axes.fill_between(x, low, high, step="post", color=colour, alpha=0.12, linewidth=0, zorder=1)
    censored = time[~event]
    if censored.size:
        axes.plot(censored, y[np.searchsorted(x, censored, "right") - 1], "|", color=colour, markersize=5, zorder=4)
    axes.set_ylim(-0.02, 1.04)
    axes.set_ylabel("share of runs without ICL")
    return curve


def log_K_axis(axes):
    axes.set_xscale("log")
    plain_log_axis(axes.xaxis)
    axes.set_xlabel("task diversity K (items)")
