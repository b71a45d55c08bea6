"""t_ICL of the minimal model with its memoriser at its own rate, slowed, and frozen, beside the theory."""

import numpy as np

from icl_lab import plot, stats, theory
from icl_lab.estimate import missing

# Mean I_K(infinity) of memorisers trained alone (fig5 at desk scale): what is expected of the same at a rate r is this over r.
ALONE = {500: 70.4, 1046: 118.4, 2186: 198.9, 4572: 377.0, 9564: 714.6}
NAMES = {1.0: ("own rate", plot.BLUE, "o"), 0.5: ("half rate", plot.ORANGE, "s"), 0.0: ("frozen", plot.GREEN, "^")}


def rates(sweep):
    return np.array([float(str(rate).split("*")[1]) for rate in sweep.column("intervene.rate")])


def expected(K, rate):
    signal = np.exp(np.interp(np.log(K), np.log(list(ALONE)), np.log(list(ALONE.values()))))
    with np.errstate(divide="ignore"):
        return np.where(rate > 0, signal / rate, np.inf)


def predicted_times(sweep):
    """/theory's, with the measured c1(t) and c2(t); a frozen memoriser has c1 = c2 = 1/2 beyond the end of the run too."""
    runs = sweep.runs
    return np.where(rates(sweep) == 0, runs["theory_t_icl_step_from_initial"], runs["theory_t_icl_step_from_measured"])


def analyse(item):
    sweep = item.sweep
    runs, rate, K = sweep.runs, rates(sweep), sweep.column("data.K")
    needed = (sweep.setting("data.N") - 1) * theory.tau_star(sweep.setting("model.beta0"), 100)["tau_star"]
    acquired = runs["acquired"] == 1
    right = acquired == (expected(K, rate) > needed)
    ratio = (runs["t_icl_step"] / predicted_times(sweep))[acquired]
    quantities = {"share_as_predicted": stats.share(int(right.sum()), len(runs)),
                  "measured_over_predicted": stats.shares.median(ratio[np.isfinite(ratio)]) if np.isfinite(ratio).any() else missing("no run has both times")}
    low = K == K.min()
    for value, (name, _, _) in NAMES.items():
        if (rate == value).any():
            quantities[f"share_as_predicted_{name.replace(' ', '_')}"] = stats.share(int(right[rate == value].sum()), int((rate == value).sum()))
        here = low & (rate == value)
        if here.any():
            quantities[f"share_acquired_at_smallest_K_{name.replace(' ', '_')}"] = stats.share(int(acquired[here].sum()), int(here.sum()))
    return quantities


def draw(item, quantities):
    sweep = item.sweep
    runs, rate, K = sweep.runs, rates(sweep), sweep.column("data.K")
    figure, (left, right) = plot.figure(columns=2, height=2.4, panels=2)
    for shift, (value, (name, colour, marker)) in zip((0.97, 1.0, 1.03), NAMES.items()):
        here = rate == value
        plot.share_points(left, K[here], runs["acquired"][here] == 1, colour, name, marker, shift)
        right.plot(K[here] * shift, np.where(runs["acquired"] == 1, runs["t_icl_step"], np.nan)[here], marker, color=colour, markersize=3, alpha=0.7, label=name)
        never = here & (runs["acquired"] == 0)
        plot.never_marks(right, K[never] * shift, None, colour)
        times = predicted_times(sweep)
        places = np.unique(K[here])
        with np.errstate(all="ignore"):
            line = [np.median(times[here & (K == k) & np.isfinite(times)]) if (here & (K == k) & np.isfinite(times)).any() else np.nan for k in places]
        plot.theory_line(right, places * shift, line, None, colour)
    for axes in (left, right):
        plot.log_K_axis(axes)
    left.set_ylim(-0.03, 1.05)
    left.set_ylabel("share of runs that acquire ICL")
    left.legend(title="memoriser at", loc="center right")
    left.set_title("95 % intervals")
    right.set_ylabel("t_ICL (steps)")
    right.set_title("dashed: theory; triangle: never")
    plot.letters(left, right)
    return figure
