"""Figure A6: the time at which ICL is lost, against the decay of the attention."""

import numpy as np

from icl_lab import plot, stats
from icl_lab.estimate import missing

NO_DECAY = 1e-6  # what is smaller counts as none


def medians(runs):
    """lambda -> the Kaplan-Meier median of the step at which ICL is lost, of the runs that acquired it."""
    found = {}
    for decay in np.unique(runs["train.weight_decay_attention"]):
        here = runs[(runs["train.weight_decay_attention"] == decay) & (runs["acquired"] == 1)]
        if decay > NO_DECAY and len(here):
            found[float(decay)] = stats.survival.kaplan_meier(*stats.survival.of_runs(here, "t_lost_step")).median()
    return found


def slope(runs, seed):
    """Of log median t_lost on log lambda where at least half of the runs lost ICL; runs resampled within lambda."""
    usable = [decay for decay, median in medians(runs).items() if np.isfinite(median.value)]
    if len(usable) < 3:
        return missing(f"{len(usable)} decays at which half of the runs lost ICL")
    groups = [runs[(runs["train.weight_decay_attention"] == decay) & (runs["acquired"] == 1)] for decay in usable]

    def line(resampled):
        times = [np.median(np.where(np.isnan(g["t_lost_step"]), np.inf, g["t_lost_step"])) for g in resampled]
        times = np.array(times)
        there = np.isfinite(times)
        return np.polyfit(np.log(np.array(usable)[there]), np.log(times[there]), 1)[0] if there.sum() > 1 else np.nan
    return stats.bootstrap(groups, line, seed=seed, draws=1000)


def steps_shown(runs):
    """Ends of an axis that holds every time, and the runs' end."""
    first = np.nanmin(runs["t_icl_step"]) if (runs["acquired"] == 1).any() else runs["last_step"].max() / 100
    return first / 8, runs["last_step"].max() * 2.0  # room for the legend below


def analyse(item):
    runs = item.sweep.runs
    quantities = {"slope_t_lost_on_lambda": slope(runs, item.seed)}
    free = runs[(runs["train.weight_decay_attention"] <= NO_DECAY) & (runs["acquired"] == 1)]
    if len(free):
        quantities["share_lost_without_decay"] = stats.share(int((~np.isnan(free["t_lost_step"])).sum()), len(free))
    return quantities


def draw(item, quantities):
    runs = item.sweep.runs
    figure, (left, right) = plot.figure(columns=2, height=2.4, panels=2)
    decay = np.maximum(runs["train.weight_decay_attention"], NO_DECAY)
    shown = decay > NO_DECAY
    acquired, lost = runs["acquired"] == 1, ~np.isnan(runs["t_lost_step"])
    left.plot(decay[shown & acquired], runs["t_icl_step"][shown & acquired], "o", color=plot.BLUE, markersize=3, alpha=0.6, label="ICL acquired")
    left.plot(decay[shown & lost], runs["t_lost_step"][shown & lost], "v", color=plot.VERMILION, markersize=3, alpha=0.5, label="ICL lost (one run)")
    found = medians(runs)
    plot.estimate_points(left, list(found), list(found.values()), plot.VERMILION, "median and interval", marker="D")
    plot.never_marks(left, decay[shown & acquired & ~lost], "acquired, never lost")
    plot.never_marks(left, decay[shown & ~acquired], "ICL never acquired", plot.BLACK)
    finite = {d: m.value for d, m in found.items() if np.isfinite(m.value)}
    if finite:
        x = np.array([min(finite), max(finite)])
        middle = np.exp(np.mean([np.log(d * t) for d, t in finite.items()]))
        plot.theory_line(left, x, middle / x, "1 / lambda")
    left.set_xscale("log")
    plot.plain_log_axis(left.xaxis)
    left.set_ylim(*steps_shown(runs))
    left.set_yscale("log")
    plot.plain_log_axis(left.yaxis)
    left.set_xlabel("decay of the attention, lambda")
    left.set_ylabel("training (steps)")
    left.legend(loc="lower center", fontsize=6, ncols=2)
    left.set_title("acquired and lost")
    values = [d for d in np.unique(runs["train.weight_decay_attention"])]
    for colour, value in zip(plot.ordered_colours(len(values)), values):
        label = "none" if value <= NO_DECAY else f"{value:g}"
        plot.curves(right, item.sweep.where(runs["train.weight_decay_attention"] == value), "icl_accuracy", colour, label)
    plot.accuracy_axis(right, "ICL accuracy")
    right.set_xlabel("training (steps)")
    right.legend(title="lambda", loc="upper left", bbox_to_anchor=(1.0, 1.0))
    right.set_title("medians of seeds")
    plot.letters(left, right)
    return figure
