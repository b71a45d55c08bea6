"""Figures 6e and A8: labels made equal in number, by three rules, each beside independent labels at the same N."""

import numpy as np

from icl_lab import plot, stats

RULES = {"equal_sequence": (plot.VERMILION, "s", "equal in the sequence (m = 2)"), "equal_context": (plot.ORANGE, "D", "in the context (m = 1)"),
         "equal_others": (plot.GREEN, "^", "in the others (m = 0)")}


def against_independent(sweep, rule, seed):
    """Share that acquires ICL, judged on independent labels, over all K: the rule less independent labels at the same N."""
    runs = sweep.runs
    here = runs[runs["data.labels"] == rule]
    N = np.unique(sweep.column("data.N")[runs["data.labels"] == rule])
    free = runs[(runs["data.labels"] == "independent") & np.isin(sweep.column("data.N"), N)]
    return stats.shares.difference(int(here["acquired"].sum()), len(here), int(free["acquired"].sum()), len(free), seed=seed)


def thresholds(runs, seed):
    """K* by rule and N, and the share of all runs that end above 0.75 on independent labels."""
    found = {}
    for rule, N in sorted(set(zip(runs["data.labels"], runs["data.N"]))):
        here = runs[(runs["data.labels"] == rule) & (runs["data.N"] == N)]
        found[f"K_star_{rule}_{N}"] = stats.threshold.spearman_karber(here["data.K"], here["acquired"], seed=seed)
        found[f"share_above_0.75_{rule}_{N}"] = stats.share(int((here["final_icl_accuracy"] > 0.75).sum()), len(here))
    return found


def analyse(item):
    runs = item.sweep.runs
    quantities = {}
    names = {"equal_sequence": "equal", "equal_context": "even_context", "equal_others": "others"}
    for rule, name in names.items():
        here = runs[runs["data.labels"] == rule]
        if len(here):
            quantities[f"share_acquired_{name}_minus_independent"] = against_independent(item.sweep, rule, item.seed)
            quantities[f"effective_w_{name}_at_end"] = stats.shares.mean(here["final_effective_w"])
            quantities[f"icl_{name}_accuracy_at_end"] = stats.shares.mean(here["final_icl_equal_accuracy"], within=(0, 1))
    return quantities | thresholds(runs, item.seed)


def draw(item, quantities):
    sweep = item.sweep
    runs, K, N = sweep.runs, sweep.column("data.K"), sweep.column("data.N")
    figure, all_axes = plot.figure(columns=2, height=2.6, panels=4)
    panels = (("acquire ICL", "share of runs", None), ("free labels", "ICL accuracy at the end", "final_icl_accuracy"),
              ("the rule's own", "ICL accuracy at the end", "final_icl_equal_accuracy"), ("readout", "effective w at the end", "final_effective_w"))
    for axes, (title, label, column) in zip(all_axes, panels):
        for rule, (colour, marker, name) in {"independent": (plot.BLUE, "o", "independent labels"), **RULES}.items():
            here = (runs["data.labels"] == rule) & ((N == N.min()) if rule == "independent" else True)
            if not here.any() or (column == "final_icl_equal_accuracy" and rule == "independent"):
                continue
            if column is None:
                plot.share_points(axes, K[here], runs["acquired"][here] == 1, colour, name, marker)
                continue
            places = np.unique(K[here])
            axes.plot(K[here], runs[column][here], marker, color=colour, alpha=0.4, markersize=2.2, markeredgewidth=0)
            axes.plot(places, [np.nanmean(runs[column][here & (K == k)]) for k in places], color=colour, marker=marker, label=name, markersize=3)
        plot.log_K_axis(axes)
        axes.set_xlabel("K (items)")
        axes.set_ylabel(label)
        axes.set_title(title)
        if column is not None and column.endswith("accuracy"):
            plot.chance_line(axes)
            axes.set_ylim(0.4, 1.03)
    all_axes[3].axhline(0, color=plot.GREY, linewidth=0.8)
    all_axes[0].set_ylim(-0.03, 1.05)
    plot.letters(*all_axes)
    figure.get_layout_engine().set(rect=(0, 0.09, 1, 0.91))
    figure.legend(*all_axes[0].get_legend_handles_labels(), loc="lower center", ncols=4)
    return figure
