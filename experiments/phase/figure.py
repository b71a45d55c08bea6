"""Phase diagram over K and N: who wins, with the line on which the memoriser's signal is what the theory needs."""

from dataclasses import replace

import numpy as np

from icl_lab import plot, stats, theory
from icl_lab.estimate import missing
from icl_lab.signal import threshold_of_memorisers

MARGIN = 1.3  # runs nearer to the line than this factor in K are not judged


def parts(sweep):
    system = sweep.column("model.system")
    return sweep.where(system == "minimal"), sweep.where(system == "memoriser")


def line_of(item, memorisers):
    """N -> K on the line I_K(K) = n tau*; None if too few K were memorised."""
    tau = theory.tau_star(item.sweep.setting("model.beta0") or 0.0, 100)["tau_star"]

    def K_at(N):
        return threshold_of_memorisers(memorisers.runs, (N - 1) * tau)
    return K_at if np.isfinite(K_at(10)) else None


def analyse(item):
    minimal, memorisers = parts(item.sweep)
    runs = minimal.runs
    slope, curvature = stats.threshold.slope(minimal.column("data.N"), runs["data.K"], runs["acquired"], seed=item.seed)
    line = line_of(item, memorisers)
    if line is None:
        return {"slope": slope, "curvature": curvature, "share_right": missing("fewer than two K were memorised", len(runs))}
    over = runs["data.K"] / np.array([line(N) for N in runs["data.N"]])
    judged = np.abs(np.log(over)) > np.log(MARGIN)
    right = ((over > 1) == (runs["acquired"] == 1)) & judged
    quantities = {"slope": slope, "curvature": curvature, "share_right": stats.share(int(right.sum()), int(judged.sum())) if judged.any() else missing("all are near the line")}
    for N in minimal.values("data.N"):
        here = runs[runs["data.N"] == N]
        K_star = stats.threshold.spearman_karber(here["data.K"], here["acquired"], seed=item.seed)
        quantities[f"K_star_{N}"] = K_star
        quantities[f"K_star_{N}_over_line"] = replace(K_star, **{end: getattr(K_star, end) / line(N) for end in ("value", "low", "high")})
    return quantities


def draw(item, quantities):
    minimal, memorisers = parts(item.sweep)
    runs = minimal.runs
    contexts, K = minimal.values("data.N"), np.unique(runs["data.K"])
    figure, axes = plot.figure(columns=1, height=2.7)
    for N in contexts:
        for k in K:
            here = runs["acquired"][(runs["data.N"] == N) & (runs["data.K"] == k)]
            if here.size:
                axes.scatter(N, k, c=[here.mean()], vmin=0, vmax=1, cmap="cividis", s=26, marker="s", linewidths=0)
    bar = figure.colorbar(axes.collections[-1], ax=axes, aspect=30, pad=0.02)
    bar.set_label("share of runs that acquire ICL")
    plot.estimate_points(axes, contexts, [quantities.get(f"K_star_{N}", missing("")) for N in contexts], plot.VERMILION, "K*")
    line = line_of(item, memorisers)
    if line is not None:
        x = np.geomspace(contexts.min(), contexts.max(), 30)
        plot.theory_line(axes, x, [line(N) for N in x], "I_K = n tau*")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(contexts, [str(N) for N in contexts])
    axes.minorticks_off()
    plot.plain_log_axis(axes.yaxis)
    axes.set_xlabel("context length N (tokens)")
    axes.set_ylabel("task diversity K (items)")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left")
    return figure
