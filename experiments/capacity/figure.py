"""Width of the MLP against K: is ICL acquired where the MLP cannot hold the items, or where it does not memorise them in time?"""

import numpy as np

from icl_lab import plot, stats
from icl_lab.estimate import missing


def parts(sweep):
    """(transformers, memorisers alone for the same steps, memorisers alone for longer)."""
    alone = sweep.column("model.system") == "memoriser"
    longer = sweep.column("train.epochs") > sweep.column("train.epochs").min()
    return sweep.where(~alone), sweep.where(alone & ~longer), sweep.where(alone & longer)


def at_threshold(item, transformers, memorisers):
    """Accuracy on the training items of memorisers alone, at the K next above each width's K*."""
    found = []
    for width in transformers.values("model.hidden"):
        runs = transformers.where(model_hidden=width).runs
        K_star = stats.threshold.spearman_karber(runs["data.K"], runs["acquired"], seed=item.seed).value
        alone = memorisers.where(model_hidden=width).runs
        above = np.unique(alone["data.K"])[np.unique(alone["data.K"]) >= K_star]
        if above.size:
            found += list(alone["final_iwl_accuracy"][alone["data.K"] == above[0]])
    return stats.shares.mean(found) if found else missing("K* lies outside of the grid at every width")


def analyse(item):
    transformers, memorisers, longer = parts(item.sweep)
    runs = transformers.runs
    slope, _ = stats.threshold.slope(runs["model.hidden"], runs["data.K"], runs["acquired"], seed=item.seed)
    quantities = {"slope_log_K_star_on_log_width": slope, "memoriser_accuracy_at_K_star": at_threshold(item, transformers, memorisers)}
    quantities["memoriser_accuracy_later"] = stats.shares.mean(longer.runs["final_iwl_accuracy"])
    for width in transformers.values("model.hidden"):
        here = runs[runs["model.hidden"] == width]
        quantities[f"K_star_{width}"] = stats.threshold.spearman_karber(here["data.K"], here["acquired"], seed=item.seed)
    return quantities


def draw(item, quantities):
    transformers, memorisers, longer = parts(item.sweep)
    figure, (left, middle, right) = plot.figure(columns=2, height=2.4, panels=3)
    widths = transformers.values("model.hidden")
    for colour, width in zip(plot.ordered_colours(len(widths)), widths):
        runs, alone = (s.where(model_hidden=width).runs for s in (transformers, memorisers))
        plot.share_points(left, runs["data.K"], runs["acquired"] == 1, colour, f"{width}")
        places = np.unique(alone["data.K"])
        middle.plot(places, [alone["final_iwl_accuracy"][alone["data.K"] == k].mean() for k in places], "o-", color=colour, markersize=3)
        later = longer.where(model_hidden=width).runs
        middle.plot(later["data.K"].mean(), later["final_iwl_accuracy"].mean(), "^", color=colour, markersize=5)
    left.set_ylabel("share of runs that acquire ICL")
    left.legend(title="width of the MLP")
    left.set_title("transformer")
    middle.set_ylabel("accuracy on the training items")
    middle.set_title("memoriser alone")
    middle.text(0.03, 0.03, "circles: same steps\ntriangles: ten times as many", transform=middle.transAxes, ha="left", va="bottom", fontsize=6)
    for axes in (left, middle):
        plot.log_K_axis(axes)
    plot.estimate_points(right, widths, [quantities[f"K_star_{width}"] for width in widths], plot.BLUE)
    right.set_xscale("log", base=2)
    right.set_yscale("log")
    right.set_xticks(widths, [str(w) for w in widths])
    right.minorticks_off()
    plot.plain_log_axis(right.yaxis)
    right.set_xlabel("width of the MLP")
    right.set_ylabel("threshold K* (items)")
    right.set_title(f"slope {quantities['slope_log_K_star_on_log_width'].value:.2f}")
    plot.letters(left, middle, right)
    return figure
