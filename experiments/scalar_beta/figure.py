"""t_ICL of the minimal model, of scalar_beta and of the transformer from the same effective beta: readout or product of matrices?"""

import numpy as np

from icl_lab import plot, stats, theory
from icl_lab.estimate import missing

SYSTEMS = {"minimal": ("minimal model", plot.BLUE), "scalar_beta": ("scalar beta, W_v and MLP", plot.GREEN), "one_layer": ("transformer", plot.VERMILION)}


def times(sweep):
    """(system, beta(0)) -> (time, event)."""
    runs = sweep.runs
    beta0 = np.where(np.isnan(runs["model.beta0"]), runs["init.beta0"], runs["model.beta0"])
    return {(system, float(b)): stats.survival.of_runs(runs[(runs["model.system"] == system) & (beta0 == b)])
            for system in SYSTEMS for b in np.unique(beta0) if ((runs["model.system"] == system) & (beta0 == b)).any()}


def factor(found, slow, fast, seed):
    """Geometric mean over beta0 of the ratio of the medians of two systems; runs resampled."""
    betas = sorted({b for _, b in found})
    groups = [np.where(event, time, np.inf) for b in betas for time, event in (found[(slow, b)], found[(fast, b)])]
    if any(not np.isfinite(np.median(g)) for g in groups):
        return missing("half of the runs of a group did not acquire ICL", sum(map(len, groups)))

    def ratio(g):
        with np.errstate(invalid="ignore"):
            return np.exp(np.mean([np.log(np.median(g[2 * i]) / np.median(g[2 * i + 1])) for i in range(len(betas))]))
    return stats.bootstrap(groups, ratio, seed=seed, draws=1000)


def said(item, beta0):
    return theory.tau_star(beta0, item.sweep.setting("data.N"), item.sweep.setting("train.learning_rate"))["t_icl_steps"]


def analyse(item):
    found = times(item.sweep)
    quantities = {"readout_factor": factor(found, "minimal", "scalar_beta", item.seed),
                  "product_factor": factor(found, "scalar_beta", "one_layer", item.seed),
                  "whole_factor": factor(found, "minimal", "one_layer", item.seed)}
    ratios = [t / said(item, b) for (system, b), (time, event) in found.items() if system == "minimal" for t in np.where(event, time, np.inf)]
    quantities["minimal_over_theory"] = stats.shares.median(ratios) if ratios else missing("no run")
    for (system, b), (time, event) in found.items():
        quantities[f"t_icl_{system}_{b:g}"] = stats.survival.kaplan_meier(time, event).median()
    return quantities


def draw(item, quantities):
    found = times(item.sweep)
    figure, axes = plot.figure(columns=1, height=2.5)
    betas = sorted({b for _, b in found})
    for i, (system, (label, colour)) in enumerate(SYSTEMS.items()):
        for j, b in enumerate(betas):
            time, event = found[(system, b)]
            axes.plot(np.full(event.sum(), j + 0.2 * (i - 1)), time[event], ".", color=colour, markersize=3, alpha=0.6)
            plot.never_marks(axes, np.full((~event).sum(), j + 0.2 * (i - 1)), None, colour)
        plot.estimate_points(axes, [j + 0.2 * (i - 1) for j in range(len(betas))], [quantities[f"t_icl_{system}_{b:g}"] for b in betas], colour, label)
    for j, b in enumerate(betas):
        plot.theory_line(axes, [j - 0.35, j + 0.35], [said(item, b)] * 2, "minimal theory" if j == 0 else None)
    axes.set_xticks(range(len(betas)), [f"{b:g}" for b in betas])
    axes.set_yscale("log")
    plot.plain_log_axis(axes.yaxis)
    axes.set_xlabel("effective beta at the start (nat)")
    axes.set_ylabel("t_ICL (steps)")
    axes.legend(fontsize=6)
    return figure
