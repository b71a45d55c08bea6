"""Figures 6b and A4: t_ICL against N, its spread over seeds, and the minimal theory started from each run's own beta and w."""

import numpy as np

from icl_lab import acquisition, plot, stats
from icl_lab.estimate import missing


def initial_beta(sweep):
    return sweep.series("effective_beta")[:, 0]


def spread_ratio(time, event, other, seed):
    """sd of ln t_ICL over sd of another number of the same runs; runs resampled."""
    if event.sum() < 4 or not event.all() or not np.isfinite(other).all():
        return missing(f"{int(event.sum())} of {len(time)} runs acquired ICL: the late ones would be missing", len(time))
    pairs = np.column_stack([np.log(time), other])
    return stats.bootstrap([pairs], lambda g: g[0][:, 0].std(ddof=1) / g[0][:, 1].std(ddof=1), seed=seed)


def theory_ratio(runs):
    """Of every run; one that did not acquire ICL has a ratio below that to its last step, which counts as 0."""
    times = np.where(runs["acquired"] == 1, runs["theory_t_icl_step_from_initial"] / runs["t_icl_step"], 0.0)
    times = times[~np.isnan(times)]
    return stats.shares.median(times) if times.size else missing("no run has a prediction", len(runs))


def analyse(item):
    sweep, found = item.sweep, acquisition.by_context(item.sweep)
    largest = sweep.where(data_N=max(found))
    time, event, _ = found[max(found)]
    quantities = {"sd_ln_t_over_sd_beta0": spread_ratio(time, event, initial_beta(largest), item.seed)}
    for N, (t, e, _) in found.items():
        here = sweep.where(data_N=N)
        quantities[f"sd_ln_t_over_sd_beta0_{N}"] = spread_ratio(t, e, initial_beta(here), item.seed)
        quantities[f"sd_ln_t_over_sd_ln_theory_{N}"] = spread_ratio(t, e, np.log(here.runs["theory_t_icl_step_from_initial"]), item.seed)
    quantities |= {
        "rank_of_theory": stats.rank.spearman(largest.runs["theory_t_icl_step_from_initial"], time, seed=item.seed),
        "theory_over_measured": theory_ratio(largest.runs),
    }
    times = [(t, e) for t, e, _ in found.values()]
    for other in ("exponential", "weibull"):
        quantities[f"aic_{other}_minus_lognormal"] = stats.censored.aic_difference(times, "lognormal", other)
    return quantities | acquisition.quantities_of(found)


def draw(item, quantities):
    found = acquisition.by_context(item.sweep)
    figure, (left, middle, right) = plot.figure(columns=2, height=2.4, panels=3)
    acquisition.draw_times(left, found)
    left.set_title("each run, and medians")
    acquisition.draw_survival(middle, found)
    middle.set_title("over seeds")
    for colour, N in zip(plot.ordered_colours(len(found)), found):
        here = item.sweep.where(data_N=N)
        right.plot(initial_beta(here), np.where(here.runs["acquired"] == 1, here.runs["t_icl_step"], np.nan), ".", color=colour, markersize=4)
    here = item.sweep.where(data_N=max(found))
    order = np.argsort(initial_beta(here))
    theory = here.runs["theory_t_icl_step_from_initial"]
    if np.isfinite(theory).any():
        plot.theory_line(right, initial_beta(here)[order], theory[order])
        right.text(np.median(initial_beta(here)), np.median(theory) * 1.3, f"theory, N = {max(found)}", fontsize=6.3)
    right.set_yscale("log")
    plot.plain_log_axis(right.yaxis)
    right.set_xlabel("effective beta at the start (nat)")
    right.set_ylabel("t_ICL (steps)")
    right.set_title("earlier for larger beta")
    plot.letters(left, middle, right)
    return figure
