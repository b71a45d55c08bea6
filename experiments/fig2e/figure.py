"""Figures 2e and 6d: transience under decay, and one curve that relates the two losses after acquisition."""

import numpy as np

from icl_lab import plot, stats


def times_over_acquisition(runs):
    """(t_lost / t_ICL, lost) of the runs that acquired ICL; censored at the last step."""
    runs = runs[runs["acquired"] == 1]
    lost = ~np.isnan(runs["t_lost_step"])
    return np.where(lost, runs["t_lost_step"], runs["last_step"]) / runs["t_icl_step"], lost


def loss_relation(sweep):
    """Spearman's correlation of ICL loss with minus IWL loss of each run after t_ICL."""
    from scipy.stats import spearmanr
    found = []
    for row, icl, iwl in zip(sweep.runs, sweep.series("icl_loss"), sweep.series("iwl_loss")):
        after = (sweep.steps > row["t_icl_step"]) & ~np.isnan(icl)
        if row["acquired"] and after.sum() > 5:
            found.append(spearmanr(icl[after], -iwl[after])[0])
    return found


def analyse(item):
    runs = item.sweep.runs
    acquired = runs["acquired"] == 1
    quantities = {
        "share_acquired": stats.share(int(acquired.sum()), len(runs)),
        "iwl_accuracy_at_end": stats.shares.mean(runs["final_iwl_accuracy"], within=(0, 1)),
    }
    if acquired.any():
        ratio, lost = times_over_acquisition(runs)
        quantities["share_lost"] = stats.share(int(lost.sum()), int(acquired.sum()))
        quantities["t_lost_over_t_icl"] = stats.survival.kaplan_meier(ratio, lost).median()
        quantities["loss_relation_rank"] = stats.shares.mean(loss_relation(item.sweep))
    return quantities


def draw(item, quantities):
    sweep = item.sweep
    figure, (left, right) = plot.figure(columns=2, height=2.5, panels=2)
    plot.curves(left, sweep, "icl_accuracy", plot.BLUE, "ICL, novel items")
    plot.curves(left, sweep, "iwl_accuracy", plot.VERMILION, "IWL, no copy in the context")
    plot.accuracy_axis(left)
    left.set_xlabel("training (steps)")
    left.set_title(f"{item.sweep.setting('data.N')} tokens, K = {item.sweep.setting('data.K')}, decay of the attention "
                   f"{item.sweep.setting('train.weight_decay_attention'):g}")
    left.legend(loc="center right")
    for row, icl, iwl in zip(sweep.runs, sweep.series("icl_loss"), sweep.series("iwl_loss")):
        after = sweep.steps >= row["t_icl_step"]
        right.loglog(iwl[after], icl[after], color=plot.BLUE, alpha=0.4, linewidth=0.6)
    right.set_xlabel("IWL loss (nat)")
    right.set_ylabel("ICL loss (nat)")
    right.set_title("after acquisition, one line a run")
    right.axhline(np.log(2), color=plot.GREY, linewidth=0.8, linestyle=(0, (1, 2)))
    plot.letters(left, right)
    return figure
