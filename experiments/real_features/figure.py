"""The transition on Gaussian items, on handwritten digits, and on the same whitened."""

import numpy as np

from icl_lab import plot, stats

KINDS = {"gaussian": (plot.BLUE, "o", "Gaussian, D = 51"), "whitened": (plot.GREEN, "^", "digits, whitened"), "centred": (plot.VERMILION, "s", "digits")}


def kind_of(sweep):
    items = sweep.column("data.items").astype(str)
    return np.where(np.char.endswith(items, "whitened"), "whitened", np.where(np.char.endswith(items, "centred"), "centred", "gaussian"))


def analyse(item):
    runs, kind = item.sweep.runs, kind_of(item.sweep)
    K = runs["data.K"]
    quantities = {f"K_star_{name}": stats.threshold.spearman_karber(K[kind == name], runs["acquired"][kind == name], seed=item.seed)
                  for name in KINDS if (kind == name).any()}
    last, first = runs[(kind == "centred") & (K == K.max())], runs[(kind == "centred") & (K == K.min())]
    quantities["share_acquired_change_centred"] = stats.shares.difference(int(last["acquired"].sum()), len(last), int(first["acquired"].sum()), len(first),
                                                                          seed=item.seed)
    quantities["K_star_whitened_over_gaussian"] = stats.threshold.ratio(quantities["K_star_whitened"], quantities["K_star_gaussian"], len(runs))
    return quantities


def draw(item, quantities):
    runs, kind = item.sweep.runs, kind_of(item.sweep)
    figure, (left, right) = plot.figure(columns=2, height=2.4, panels=2)
    for name, (colour, marker, label) in KINDS.items():
        here = kind == name
        plot.share_points(left, runs["data.K"][here], runs["acquired"][here] == 1, colour, label, marker)
        for column, line in (("final_icl_accuracy", "-"), ("final_iwl_accuracy", ":")):
            places = np.unique(runs["data.K"][here])
            right.plot(places, [runs[column][here & (runs["data.K"] == k)].mean() for k in places], line, color=colour, marker=marker, markersize=3)
    for axes in (left, right):
        plot.log_K_axis(axes)
    left.set_ylim(-0.03, 1.05)
    left.set_ylabel("share of runs that acquire ICL")
    left.legend(loc="upper left")
    left.set_title("95 % intervals")
    plot.accuracy_axis(right, "accuracy at the end, mean")
    right.plot([], [], color=plot.GREY, label="ICL")
    right.plot([], [], ":", color=plot.GREY, label="IWL")
    right.legend(loc="center left")
    right.set_title("where runs end")
    plot.letters(left, right)
    return figure
