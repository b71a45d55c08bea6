"""K* under Zipf's law, measured and predicted from the memoriser's signal on the same data."""

import numpy as np

from icl_lab import plot, stats, theory
from icl_lab.estimate import Estimate, missing
from icl_lab.signal import threshold_of_memorisers


def parts(sweep):
    system = sweep.column("model.system")
    return sweep.where(system == "minimal"), sweep.where(system == "memoriser")


def predicted(item, alpha):
    """The K at which I_K(infinity) of memorisers under the same law is n tau*; NaN if fewer than two K were memorised."""
    _, memorisers = parts(item.sweep)
    needed = (item.sweep.setting("data.N") - 1) * theory.tau_star(0.0, 100)["tau_star"]
    return threshold_of_memorisers(memorisers.where(memorisers.runs["data.zipf"] == alpha).runs, needed)


def over(estimate, by):
    if not (np.isfinite([estimate.value, by]).all() and by > 0 and estimate.value > 0):
        return missing("one of the two thresholds lies outside of the grid", estimate.n)
    return Estimate(estimate.value / by, estimate.low / by, estimate.high / by, estimate.method, estimate.n)


def analyse(item):
    runs = parts(item.sweep)[0].runs
    quantities = {}
    for alpha in np.unique(runs["data.zipf"]):
        here = runs[runs["data.zipf"] == alpha]
        K_star = stats.threshold.spearman_karber(here["data.K"], here["acquired"], seed=item.seed)
        quantities[f"K_star_{alpha:g}"] = K_star
        quantities[f"measured_over_predicted_{alpha:g}"] = over(K_star, predicted(item, alpha))
    for alpha in np.unique(runs["data.zipf"])[1:]:
        quantities[f"K_star_ratio_{alpha:g}"] = stats.threshold.ratio(quantities[f"K_star_{alpha:g}"], quantities["K_star_0"], len(runs))
        quantities[f"excess_of_ratio_{alpha:g}"] = over(quantities[f"K_star_ratio_{alpha:g}"], predicted(item, alpha) / predicted(item, 0.0))
    return quantities


def draw(item, quantities):
    minimal, memorisers = parts(item.sweep)
    runs = minimal.runs
    figure, (left, right) = plot.figure(columns=2, height=2.4, panels=2)
    alphas = np.unique(runs["data.zipf"])
    needed = (item.sweep.setting("data.N") - 1) * theory.tau_star(0.0, 100)["tau_star"]
    for colour, alpha in zip(plot.ordered_colours(len(alphas)), alphas):
        here = runs[runs["data.zipf"] == alpha]
        plot.share_points(left, here["data.K"], here["acquired"] == 1, colour, f"alpha = {alpha:g}")
        K = predicted(item, alpha)
        if np.isfinite(K):
            left.axvline(K, color=colour, linestyle=(0, (4, 2)), linewidth=1)
        alone = memorisers.where(memorisers.runs["data.zipf"] == alpha).runs
        right.loglog(alone["data.K"], alone["final_I_K"], "o", color=colour, markersize=3, label=f"alpha = {alpha:g}")
    right.axhline(needed, color="black", linestyle=(0, (4, 2)), linewidth=1, label="needed, n tau*")
    plot.log_K_axis(left)
    plot.log_K_axis(right)
    left.set_ylim(-0.03, 1.05)
    left.set_ylabel("share of runs that acquire ICL")
    left.set_title("dashed: predicted K*")
    left.legend()
    right.set_ylabel("integrated signal I_K")
    right.set_title("memorisers alone")
    right.legend(fontsize=6)
    plot.letters(left, right)
    return figure
