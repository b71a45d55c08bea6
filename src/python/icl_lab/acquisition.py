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


def quantities_of(found):
    """Median and spread of t_ICL at each N, the line through the medians, and, where every run acquired ICL, t_ICL as a power of N."""
    fitted = line(found)
    quantities = {"quadratic_term": fitted.quadratic, "intercept": fitted.intercept, "slope": fitted.slope}
    if len(found) > 1 and all(event.all() for _, event, _ in found.values()):
        power = stats.power_law.fit(*(np.concatenate(x) for x in zip(*((np.full(time.size, N), time) for N, (time, _, _) in found.items()))))
        quantities |= {"exponent": power.slope, "exponent_curvature": power.curvature}
    for N, (time, event, median) in found.items():
        quantities[f"t_icl_{N}"] = median
        quantities[f"sd_ln_t_{N}"] = stats.censored.sd_ln_t(time, event)
    return quantities


def draw_survival(axes, found):
    for place, (colour, (N, (time, event, _))) in enumerate(zip(plot.ordered_colours(len(found)), found.items())):
        curve = plot.survival_panel(axes, time, event, colour, band=len(found) < 4)
        if curve.times.size:  # each curve is labelled where it begins to fall: a legend would lie over them
            axes.text(curve.times[0], 1.03 + 0.08 * (place % 2), f"N = {N}", color=colour, fontsize=6.3, ha="center", va="bottom")
    axes.set_xscale("log")
    plot.plain_log_axis(axes.xaxis)
    axes.set_ylim(-0.02, 1.21)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.set_xlabel("training (steps)")


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
