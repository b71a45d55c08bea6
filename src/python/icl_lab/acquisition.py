"""t_ICL against context length where nothing can be memorised: figures 6b and A5 have this in common."""

import numpy as np

from . import plot, stats


def by_context(sweep):
    """N -> (time, event, Kaplan-Meier median)."""
    found = {}
    for N in sweep.values("data.N"):
        time, event = stats.survival.of_runs(sweep.where(data_N=N).runs)
        found[int(N)] = (time, event, stats.survival.kaplan_meier(time, event).median())
    return found


def line(found):
    return stats.trend.line(list(found), [median for _, _, median in found.values()])


def draw_survival(axes, found):
    for colour, (N, (time, event, _)) in zip(plot.ordered_colours(len(found)), found.items()):
        plot.survival_panel(axes, time, event, colour, f"N = {N}", band=len(found) < 4)
    axes.set_xscale("log")
    plot.plain_log_axis(axes.xaxis)
    axes.set_xlabel("training (steps)")
    axes.legend(loc="lower left")


def draw_times(axes, found):
    """Every run's t_ICL, medians with intervals, and the weighted line through them."""
    fitted = line(found)
    for N, (time, event, median) in found.items():
        axes.plot(np.full(event.sum(), N), time[event], ".", color=plot.SKY, markersize=3, alpha=0.7)
        plot.never_marks(axes, np.full((~event).sum(), N), "not within the horizon" if N == min(found) else None)
    plot.estimate_points(axes, list(found), [median for _, _, median in found.values()], plot.BLUE, "median and interval")
    if np.isfinite(fitted.slope.value):
        x = np.array([0, max(found) * 1.05])
        axes.plot(x, fitted.slope.value * x + fitted.intercept.value, color=plot.BLUE, linewidth=0.9, label="weighted line")
    axes.set_xlim(0, max(found) * 1.08)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("context length N (tokens)")
    axes.set_ylabel("t_ICL (steps)")
    axes.legend(loc="upper left")
