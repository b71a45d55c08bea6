"""t_ICL of the minimal model where nothing can be memorised, against the theory's flow and the landscape that it expands."""

import numpy as np

from icl_lab import plot, stats, theory


def times(runs):
    """t_ICL to the single step where that was looked for, otherwise the middle of the interval between evaluations; inf where never."""
    found = np.where(np.isnan(runs["t_icl_step_refined"]), (runs["t_icl_step"] + runs["t_icl_previous"]) / 2, runs["t_icl_step_refined"])
    return np.where(runs["acquired"] == 1, found, np.inf)


def groups(sweep):
    """(attends to itself, beta0, times, the theory's, the landscape's)."""
    N, rate = sweep.setting("data.N"), sweep.setting("train.learning_rate")
    itself, beta0 = sweep.column("model.attend_self") == 1, sweep.column("model.beta0")
    for own in np.unique(itself):
        for b in np.unique(beta0):
            here = (itself == own) & (beta0 == b)
            said = theory.tau_star(float(b), N, rate, landscape=True, attend_self=bool(own))
            yield bool(own), float(b), times(sweep.runs[here]), said["t_icl_steps"], said["t_icl_steps_landscape"]


def analyse(item):
    quantities = {}
    over_theory, over_landscape = [], []
    for own, b, found, flow, land in groups(item.sweep):
        name = f"{b:g}{'_attending_to_itself' if own else ''}"
        quantities[f"over_theory_{name}"] = stats.shares.median(found / flow)
        quantities[f"over_landscape_{name}"] = stats.shares.median(found / land)
        if not own:
            over_theory.append(np.median(found / flow))
            over_landscape.append(np.median(found / land))
    quantities["over_theory"] = stats.shares.mean(over_theory)
    quantities["over_landscape"] = stats.shares.mean(over_landscape)
    return quantities


def draw(item, quantities):
    figure, (left, right) = plot.figure(columns=2, height=2.4, panels=2)
    for own, colour, shift in ((False, plot.BLUE, 0.0), (True, plot.VERMILION, 0.03)):
        rows = [row[1:] for row in groups(item.sweep) if row[0] == own]
        if not rows:
            continue
        label = "attends to itself" if own else "does not attend to itself"
        for b, found, _, land in rows:
            left.plot(np.full(found.size, b + shift), found, ".", color=colour, markersize=3)
            right.plot(np.full(found.size, b + shift), found / land, ".", color=colour, markersize=3)
        plot.theory_line(left, [row[0] for row in rows], [row[3] for row in rows], f"landscape, {label}", colour)
        left.plot([], [], ".", color=colour, label=f"measured, {label}")
        name = "_attending_to_itself" if own else ""
        plot.estimate_points(right, [row[0] + shift for row in rows], [quantities[f"over_landscape_{row[0]:g}{name}"] for row in rows], colour, label)
    left.set_yscale("log")
    plot.plain_log_axis(left.yaxis)
    right.axhline(1, color="black", linestyle=(0, (4, 2)), linewidth=1)
    for axes in (left, right):
        axes.set_xlabel("beta(0) (nat)")
        axes.legend(fontsize=6)
    left.set_ylabel("t_ICL (steps)")
    left.set_title(f"K = infinity, N = {item.sweep.setting('data.N')}")
    right.set_ylabel("t_ICL / the landscape's")
    right.set_title("medians and intervals")
    plot.letters(left, right)
    return figure
