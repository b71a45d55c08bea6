#!/usr/bin/python3
"""t_ICL with the memoriser at its own rate, slowed and frozen, and with attention given, beside the theory. Reads merged files alone.

usage: plot.py DESK.h5 [--clamped CLAMPED.h5] [--memoriser data/fig5/desk.h5] [--out PICTURE.png]     prints the tables of README.md, and draws
"""

import argparse
from pathlib import Path

import h5py
import numpy

NAMES = {1.0: "at its own rate", 0.5: "at half its rate", 0.0: "frozen"}


def text(steps):
    return "never" if numpy.isinf(steps) else f"{steps:.0f}"


def median(values):
    """The middle one (the lower, of an even number): defined also where some are infinite."""
    return sorted(values)[(len(values) - 1) // 2]


def range_of(values):
    if numpy.isinf(values).all():
        return "never"
    return f"{text(median(values))} ({text(min(values))} to {text(max(values))})"


def memoriser_signal(merged):
    """I_K(infinity) as a function of K, of memorisers trained alone (fig5): straight in log K and log I_K between the means."""
    with h5py.File(merged) as file:
        rows = file["runs"][:]
    diversities = numpy.unique(rows["data.K"])
    means = [rows["final_I_K"][rows["data.K"] == K].mean() for K in diversities]
    return lambda K: float(numpy.exp(numpy.interp(numpy.log(K), numpy.log(diversities), numpy.log(means))))


def read(merged):
    """{(K, rate): arrays of t_ICL measured, t_ICL as /theory has it from the measured c1 and c2, I_K at the end, the run's n tau*}"""
    groups = {}
    with h5py.File(merged) as file:
        settings = file["config/toml"].asstr()[()]
        N = float(settings.split("\nN = ")[1].split()[0])
        for row in file["runs"][:]:
            rate = float(row["intervene.rate"].decode().split("*")[1])
            measured = row["t_icl_step"] if row["acquired"] else numpy.inf
            # With a frozen memoriser c1 = c2 = 1/2 for ever, beyond the end of the run too.
            predicted = row["theory_t_icl_step_from_initial" if rate == 0 else "theory_t_icl_step_from_measured"]
            groups.setdefault((float(row["data.K"]), rate), []).append(
                (measured, predicted, row["final_I_K"], (N - 1) * row["theory_tau_star"]))
    return {key: numpy.array(runs, float).T for key, runs in groups.items()}


def predicted_text(measured, predicted):
    """What /theory says of the runs of a group; nothing of those that stopped, at their t_ICL, before the theory's."""
    if numpy.isinf(measured).all() and numpy.isnan(predicted).all():
        return "never"
    known = predicted[numpy.isfinite(predicted)]
    later = f"after the stop in {len(predicted) - len(known)}"
    if len(known) == 0:
        return later
    return f"{range_of(known)}" + ("" if len(known) == len(predicted) else f"; {later}")


def print_rates(groups, signal):
    print("| K | memoriser | I_K(infinity) expected | so predicted | acquired ICL | t_ICL median (min to max) | predicted with the measured c1(t), c2(t) | "
          "I_K at the end |")
    print("|---|---|---|---|---|---|---|---|")
    right, ratios = [], []
    for (K, rate), (measured, predicted, I_K, needed) in sorted(groups.items(), key=lambda group: (group[0][0], -group[0][1])):
        expected = signal(K) / rate if rate > 0 else numpy.inf
        acquires = expected > needed[0]
        acquired = numpy.isfinite(measured)
        right += list(acquired == acquires)
        ratios += list((measured / predicted)[acquired & numpy.isfinite(predicted)])
        print(f"| {K:.0f} | {NAMES[rate]} | {'infinite' if numpy.isinf(expected) else f'{expected:.0f}'} | {'yes' if acquires else 'no'} | "
              f"{acquired.sum()} of {len(measured)} | {range_of(measured)} | {predicted_text(measured, predicted)} | {I_K.min():.0f} to {I_K.max():.0f} |")
    print(f"\noutcome as predicted: {sum(right)} of {len(right)}; needed: I_K > n tau* = {needed[0]:.1f}")
    print(f"measured / predicted t_ICL, in the {len(ratios)} runs whose prediction lies before their end: median {numpy.median(ratios):.3f}, "
          f"{min(ratios):.3f} to {max(ratios):.3f}")


def print_clamped(merged):
    """With attention given, dw/dt = < sigma(-phi+ - w) >, 1/2 at first, and 95 % are right once w > 1.645 spreads of phi."""
    with h5py.File(merged) as file:
        rate = float(file["config/toml"].asstr()[()].split("\nlearning_rate = ")[1].split()[0])
        rows, metrics = file["runs"][:], file["metrics"]
        w0, spread = metrics["effective_w"][:, 0], metrics["phi_deviation"][:, 0]
    predicted = 2 * (1.645 * spread - w0) / rate
    print("\n| K | runs | t_ICL with attention clamped to the copy, median (min to max) | predicted |")
    print("|---|---|---|---|")
    for K in numpy.unique(rows["data.K"]):
        chosen = rows["data.K"] == K
        measured = numpy.where(rows["acquired"] == 1, rows["t_icl_step"], numpy.inf)[chosen]
        print(f"| {'infinity' if numpy.isinf(K) else f'{K:.0f}'} | {chosen.sum()} | {range_of(measured)} | "
              f"{numpy.median(predicted[chosen]):.1f} ({predicted[chosen].min():.1f} to {predicted[chosen].max():.1f}) |")


def draw(groups, picture):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(figsize=(6.5, 4.5))
    times = numpy.concatenate([runs[:2].ravel() for runs in groups.values()])
    top = 1.1 * times[numpy.isfinite(times)].max()  # where what never happens is drawn
    for offset, rate in zip((-0.02, 0, 0.02), sorted(NAMES)):
        mine = sorted((K, runs) for (K, r), runs in groups.items() if r == rate)
        x = numpy.concatenate([numpy.full(len(runs[0]), K) for K, runs in mine]) * (1 + offset)
        y = numpy.minimum(numpy.concatenate([runs[0] for _, runs in mine]), top)
        points, = axes.semilogx(x, y, "o", ms=5, alpha=0.7, label=f"memoriser {NAMES[rate]}")
        axes.semilogx([K * (1 + offset) for K, _ in mine], [top if numpy.isnan(runs[1]).all() else numpy.nanmedian(runs[1]) for _, runs in mine], "_", ms=16, mew=2,
                    color=points.get_color())
    axes.axhline(top, color="grey", lw=1, ls=":")
    axes.text(axes.get_xlim()[0], top, " never", va="bottom", color="grey")
    axes.plot([], [], "k_", ms=16, mew=2, label="predicted with the measured c1(t), c2(t), median")
    diversities = sorted({K for K, _ in groups})
    axes.set_xticks(diversities, [f"{K:.0f}" for K in diversities])
    axes.minorticks_off()
    axes.set(xlabel="K", ylabel="t_ICL (steps)", title="The minimal model, its memoriser slowed")
    axes.legend(fontsize=8, loc="upper right", bbox_to_anchor=(1, 0.93))
    figure.tight_layout()
    figure.savefig(picture, dpi=150)
    print(picture)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("merged")
    parser.add_argument("--clamped")
    parser.add_argument("--memoriser", default=Path(__file__).parents[2] / "data/fig5/desk.h5")
    parser.add_argument("--out")
    arguments = parser.parse_args()
    groups = read(arguments.merged)
    print_rates(groups, memoriser_signal(arguments.memoriser))
    if arguments.clamped:
        print_clamped(arguments.clamped)
    draw(groups, arguments.out or arguments.merged.replace(".h5", ".png"))


if __name__ == "__main__":
    main()
