"""Figures 2e and 6d: transience under decay, and one curve that relates the two losses after acquisition."""

import numpy as np
from scipy.stats import spearmanr

from icl_lab import plot, stats
from icl_lab.estimate import missing


def times_over_acquisition(runs):
    """(t_lost / t_ICL, lost) of the runs that acquired ICL; censored at the last step."""
    runs = runs[runs["acquired"] == 1]
    lost = ~np.isnan(runs["t_lost_step"])
    return np.where(lost, runs["t_lost_step"], runs["last_step"]) / runs["t_icl_step"], lost


def losses_after_acquisition(sweep):
    """(ICL loss, IWL loss) at the evaluations after t_ICL, of each run that has more than five of them."""
    for row, icl, iwl in zip(sweep.runs, sweep.series("icl_loss"), sweep.series("iwl_loss")):
        after = (sweep.steps > row["t_icl_step"]) & ~np.isnan(icl)
        if row["acquired"] and after.sum() > 5:
            yield icl[after], iwl[after]


def rank_correlations(icl, iwl):
    """Spearman's correlation of each ICL loss with minus the IWL loss beside it, over the evaluations that both have."""
    lengths = [min(len(a), len(b)) for a, b in zip(icl, iwl)]
    return [spearmanr(a[:n], -b[:n])[0] for a, b, n in zip(icl, iwl, lengths)]


def spread_about_one_curve(losses, seed, bins=20):
    """Variance of ln ICL loss between runs at the same IWL loss, over its whole variance: 0 if one curve holds for all runs. Means in bins of ln IWL loss
    over the range that every run has; runs resampled."""
    logs = [(np.log(icl), np.log(iwl)) for icl, iwl in losses]
    low, high = max(x.min() for _, x in logs), min(x.max() for _, x in logs)
    if len(logs) < 3 or not low < high:
        return missing("fewer than three runs with IWL losses in common", len(logs))
    edges = np.linspace(low, high, bins + 1)
    table = np.full((len(logs), bins), np.nan)
    for row, (y, x) in zip(table, logs):
        place = np.digitize(x, edges) - 1
        for b in np.unique(place[(place >= 0) & (place < bins)]):
            row[b] = y[place == b].mean()
    table = table[:, (~np.isnan(table)).all(axis=0)]
    if table.shape[1] < 3:
        return missing("fewer than three IWL losses that all runs have", len(logs))
    return stats.bootstrap([table], lambda g: g[0].var(axis=0).mean() / g[0].var() if g[0].var() > 0 else 0.0, seed=seed)


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
        losses = list(losses_after_acquisition(item.sweep))
        if losses:
            icl, iwl = zip(*losses)
            quantities["loss_relation_rank"] = stats.shares.mean(rank_correlations(icl, iwl))
            quantities["loss_relation_rank_with_another_run"] = stats.shares.mean(rank_correlations(icl, iwl[1:] + iwl[:1]))
            quantities["spread_about_one_curve"] = spread_about_one_curve(losses, item.seed)
        else:
            quantities["loss_relation_rank"] = missing("no run has more than five evaluations after t_ICL", len(runs))
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
