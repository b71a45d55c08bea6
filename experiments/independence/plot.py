#!/usr/bin/python3
"""t_ICL with the memoriser at its own rate, slowed and frozen, and with attention given, beside the theory. Reads merged files alone.

usage: plot.py DESK.h5 [CLAMPED.h5] [PICTURE.png]     prints the tables of README.md, and draws
"""

import sys

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


def share_acquired(runs):
    return f"{int(numpy.isfinite(runs[0]).sum())} of {len(runs[0])}"


def read(merged):
    """{(K, rate): arrays of t_ICL measured, t_ICL predicted from the measured c1 and c2, I_K at the end}"""
    groups = {}
    with h5py.File(merged) as file:
        settings = file["config/toml"].asstr()[()]
        N, learning_rate = (float(settings.split(f"\n{key} = ")[1].split()[0]) for key in ("N", "learning_rate"))
        for row in file["runs"][:]:
            rate = float(row["intervene.rate"].decode().split("*")[1])
            measured = numpy.inf if row["censored"] else row["t_icl_step"]
            predicted = row["theory_t_icl_step_from_measured"]
            if numpy.isnan(predicted):
                predicted = numpy.inf
                if not row["censored"]:  # stopped at its t_ICL, before the theory's: c1 as it was then
                    predicted = row["steps"] + ((N - 1) * row["theory_tau_star"] - row["final_I_K"]) / (learning_rate * row["final_c1"])
            groups.setdefault((float(row["data.K"]), rate), []).append(
                (measured, predicted, row["final_I_K"]))
    return {key: numpy.array(runs, float).T for key, runs in groups.items()}


def print_rates(groups):
    print("| K | memoriser | acquired ICL | so predicted | t_ICL median (min to max) | predicted with the measured c1(t), c2(t) | I_K at the end |")
    print("|---|---|---|---|---|---|---|")
    for (K, rate), runs in sorted(groups.items(), key=lambda group: (group[0][0], -group[0][1])):
        right = int((numpy.isfinite(runs[0]) == numpy.isfinite(runs[1])).sum())
        print(f"| {K:.0f} | {NAMES[rate]} | {share_acquired(runs)} | {right} of {len(runs[0])} | {range_of(runs[0])} | {range_of(runs[1])} | "
              f"{runs[2].min():.0f} to {runs[2].max():.0f} |")
    both = numpy.concatenate([runs[:2] for runs in groups.values()], axis=1)
    both = both[:, numpy.isfinite(both).all(axis=0)]
    ratio = both[0] / both[1]
    print(f"\nwhere both are finite ({len(ratio)} runs), measured / predicted: median {numpy.median(ratio):.3f}, {ratio.min():.3f} to {ratio.max():.3f}")


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
        measured = numpy.where(rows["censored"] == 1, numpy.inf, rows["t_icl_step"])[chosen]
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
        axes.semilogx([K * (1 + offset) for K, _ in mine], [min(median(runs[1]), top) for _, runs in mine], "_", ms=16, mew=2,
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
    merged = [name for name in sys.argv[1:] if not name.endswith(".png")]
    pictures = [name for name in sys.argv[1:] if name.endswith(".png")]
    groups = read(merged[0])
    print_rates(groups)
    if len(merged) > 1:
        print_clamped(merged[1])
    draw(groups, pictures[0] if pictures else merged[0].replace(".h5", ".png"))


if __name__ == "__main__":
    main()
