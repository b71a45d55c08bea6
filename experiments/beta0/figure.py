"""K* against beta(0), for the minimal model and the transformer: does it fall as exp(-beta0 / nu)?"""

import numpy as np

from icl_lab import plot, stats, theory

INVERSE_NU = 1.23  # of fig5


def parts(sweep):
    """name -> (runs, their beta(0), colour)."""
    system = sweep.column("model.system")
    runs = sweep.runs
    return {"minimal": (runs[system == "minimal"], runs["model.beta0"][system == "minimal"], plot.BLUE),
            "transformer": (runs[system == "one_layer"], runs["init.beta0"][system == "one_layer"], plot.VERMILION)}


def analyse(item):
    quantities = {}
    for name, (runs, beta0, _) in parts(item.sweep).items():
        if not len(runs):
            continue
        ln_tau = np.array([np.log(theory.tau_star(float(b), 100)["tau_star"]) for b in beta0])
        line, bend = stats.threshold.slope(np.exp(ln_tau), runs["data.K"], runs["acquired"], seed=item.seed)
        quantities[f"slope_{name}"], quantities[f"curvature_{name}"] = line, bend
        for b in np.unique(beta0):
            here = runs[beta0 == b]
            quantities[f"K_star_{name}_{b:g}"] = stats.threshold.spearman_karber(here["data.K"], here["acquired"], seed=item.seed)
    return quantities


def draw(item, quantities):
    figure, (left, middle, right) = plot.figure(columns=2, height=2.4, panels=3)
    for axes, (name, (runs, beta0, colour)) in zip((left, middle), parts(item.sweep).items()):
        places = np.unique(beta0)
        for c, b in zip(plot.ordered_colours(len(places)), places):
            plot.share_points(axes, runs["data.K"][beta0 == b], runs["acquired"][beta0 == b] == 1, c, f"beta(0) = {b:g}")
        plot.log_K_axis(axes)
        axes.set_ylabel("share of runs that acquire ICL")
        axes.set_title({"minimal": "minimal model", "transformer": "transformer, init.beta0"}[name])
        axes.legend(fontsize=6)
        estimates = [quantities[f"K_star_{name}_{b:g}"] for b in places]
        plot.estimate_points(right, places, estimates, colour, name)
        known = [(b, e.value) for b, e in zip(places, estimates) if 0 < e.value < np.inf]
        if known:
            x = np.linspace(min(places), max(places), 50)
            tau = np.array([theory.tau_star(float(b), 100)["tau_star"] for b in x])
            shape = INVERSE_NU * np.log(tau)
            offset = np.mean([np.log(k) - np.interp(b, x, shape) for b, k in known])
            plot.theory_line(right, x, np.exp(shape + offset), "tau*(beta0)^(1/nu)" if name == "minimal" else None, colour)
    right.set_yscale("log")
    plot.plain_log_axis(right.yaxis)
    right.set_xlabel("beta(0) (nat)")
    right.set_ylabel("threshold K* (items)")
    right.set_title("against the theory's slope")
    right.legend(loc="lower left")
    plot.letters(left, middle, right)
    return figure
