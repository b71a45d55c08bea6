#!/usr/bin/python3
"""Draws figures 2b and 2c from a merged sweep, prints the table, and checks what must be seen.

usage: plot.py SWEEP.h5 [PICTURE.png]      default: SWEEP.png beside the file
"""

import sys
import tomllib
from collections import defaultdict
from pathlib import Path

import h5py
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#5F6770"  # Okabe and Ito: told apart by every kind of colour vision
STYLE = {
    "font.family": "DejaVu Sans", "font.size": 10.5, "axes.titlesize": 11.5, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.titlepad": 9, "axes.labelsize": 11, "axes.spines.top": False,
    "axes.spines.right": False, "axes.edgecolor": GREY, "axes.linewidth": 0.8, "axes.grid": True, "grid.color": "#E4E7EA",
    "grid.linewidth": 0.7, "xtick.color": "#333B43", "ytick.color": "#333B43", "legend.frameon": False,
    "legend.fontsize": 9.5,
}


class Run:
    """What the picture needs of one row of the table and its series."""

    def __init__(self, row, metrics, steps):
        self.K, self.seed = int(row["data.K"]), int(row["seed"])
        there = ~np.isnan(metrics["icl_loss"])
        self.step = steps[there]
        self.icl, self.iwl = (metrics[name][there] for name in ("icl_accuracy", "iwl_accuracy"))
        self.t_icl = int(row["t_icl_step"]) if row["acquired"] else None


def read(path):
    """All runs, by K and seed, and the settings that they share."""
    with h5py.File(path) as file:
        steps = file["metrics/step"][:]
        series = {name: file[f"metrics/{name}"][:] for name in ("icl_loss", "icl_accuracy", "iwl_accuracy")}
        runs = [Run(row, {name: values[i] for name, values in series.items()}, steps)
                for i, row in enumerate(file["runs"][:])]
        setting = tomllib.loads(file["config/toml"][()].decode())
    return sorted(runs, key=lambda run: (run.K, run.seed)), setting


def by_diversity(runs):
    groups = defaultdict(list)
    for run in runs:
        groups[run.K].append(run)
    return dict(groups)


def grouped(number):
    """12345 as 12,345 with a thin gap."""
    return f"{int(number):,}".replace(",", "\u2009")


def draw_accuracy(axes, chance=0.5):
    axes.axhline(chance, color=GREY, linewidth=1.1, linestyle=(0, (2, 2)), zorder=1)
    axes.set_ylim(0.43, 1.03)
    axes.yaxis.set_major_locator(FixedLocator(np.arange(0.5, 1.01, 0.1)))
    axes.xaxis.set_minor_locator(NullLocator())


def draw_outcomes(axes, groups):
    """Left panel: where each run ends."""
    diversities = np.array(list(groups))
    for field, colour, marker, name in (("icl", BLUE, "o", "in-context learning (ICL):\nnovel items"),
                                        ("iwl", VERMILION, "s", "in-weights learning (IWL):\ntraining items, with\nno copy in the context")):
        mean = [np.mean([getattr(run, field)[-1] for run in group]) for group in groups.values()]
        axes.plot(diversities, mean, color=colour, linewidth=2.2, zorder=3)
        for K, group in groups.items():
            axes.plot([K] * len(group), [getattr(run, field)[-1] for run in group], marker, color=colour, markersize=6.5,
                      markeredgecolor="white", markeredgewidth=0.9, clip_on=False, zorder=4)
        axes.plot([], [], marker=marker, color=colour, linewidth=2.2, markersize=6.5, markeredgecolor="white", label=name)
    axes.legend(loc="best", handlelength=1.6, labelspacing=0.9)
    axes.set_xscale("log", base=2)
    axes.set_xlim(diversities[0] / 1.35, diversities[-1] * 1.35)
    apart = [K for i, K in enumerate(diversities) if i == 0 or K / diversities[i - 1] > 1.6 or K == diversities[-1]]
    axes.xaxis.set_major_locator(FixedLocator(apart))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: grouped(x)))
    axes.tick_params(axis="x", labelsize=9.5)
    draw_accuracy(axes)
    axes.text(diversities[0] / 1.3, 0.494, "chance", color=GREY, fontsize=9, va="top")
    axes.set_xlabel("task diversity K (items)")
    axes.set_ylabel("accuracy at the end of a run (share correct)")
    axes.set_title("Where runs end")


def draw_curves(axes, groups):
    """Right panel: ICL (solid) and, for the extremes, IWL (dashed) on the way."""
    colours = plt.get_cmap("viridis")(np.linspace(0.0, 0.9, len(groups)))
    smallest = min(groups)
    last = max(run.step[-1] for group in groups.values() for run in group)
    first = min(run.step[1] for group in groups.values() for run in group)
    for colour, (K, group) in zip(colours, groups.items()):
        for run in group:
            axes.plot(run.step[1:], run.icl[1:], color=colour, linewidth=1.35, zorder=3)
            if run.t_icl is not None:
                axes.plot(run.step[-1], run.icl[-1], "o", color=colour, markersize=5.5, markeredgecolor="white",
                          markeredgewidth=0.8, zorder=5, clip_on=False)
            if K == smallest:
                axes.plot(run.step[1:], run.iwl[1:], color=colour, linewidth=1.4, linestyle=(0, (4, 2)), zorder=2)
    axes.set_xscale("log")
    axes.set_xlim(first, last * 1.08)
    ticks = [t for e in range(1, 7) for t in (10 ** e, 3 * 10 ** e) if first <= t <= last]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: grouped(x)))
    draw_accuracy(axes)
    axes.set_xlabel("training (updates of the parameters)")
    axes.set_ylabel("accuracy (share correct)")
    axes.text(first * 1.04, 0.468, "chance", color=GREY, fontsize=9, va="top")
    axes.set_title("How they get there")
    handles = [Line2D([], [], color=colour, linewidth=2.4, label=grouped(K)) for colour, K in zip(colours, groups)]
    legend = axes.legend(handles=handles, title="ICL, by K", loc="upper left", bbox_to_anchor=(1.01, 1.0),
                         alignment="left", handlelength=1.5, borderaxespad=0)
    legend.get_title().set_fontsize(9.5)
    axes.add_artist(legend)
    axes.legend(handles=[Line2D([], [], color=colours[0], linewidth=1.4, linestyle=(0, (4, 2)),
                                label=f"IWL, K = {grouped(smallest)}"),
                         Line2D([], [], color=GREY, marker="o", linewidth=0, markersize=5.5, label="stop at ICL > 0.99")],
                loc="upper left", bbox_to_anchor=(1.01, 0.87 - 0.062 * len(groups)), handlelength=1.5, borderaxespad=0)


def draw(runs, setting, path):
    groups = by_diversity(runs)
    counts = sorted({len(group) for group in groups.values()})
    seeds = f"{counts[0]} to {counts[-1]} seeds" if len(counts) > 1 else f"{counts[0]} seed{'s' if counts[0] > 1 else ''}"
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(12.8, 5.2), gridspec_kw={"width_ratios": (1, 1.12)})
        figure.subplots_adjust(left=0.06, right=0.865, top=0.79, bottom=0.12, wspace=0.19)
        draw_outcomes(left, groups)
        draw_curves(right, groups)
        figure.text(0.06, 0.935, "With few items a transformer memorises them; with many it learns to read the context",
                    fontsize=15, fontweight="bold", color="#1B2127")
        figure.text(0.06, 0.887,
                    f"Nguyen & Reddy (2024), figures 2b\u2013d: one-layer transformer, {setting['data']['N']} tokens, "
                    f"{setting['model']['hidden']} hidden units, SGD, learning rate {setting['train']['learning_rate']:g}; "
                    f"{seeds} for each K", fontsize=10.5, color=GREY)
        figure.savefig(path, dpi=170)
        plt.close(figure)


def print_table(runs):
    print(f"{'K':>7} {'seed':>5} {'ICL':>7} {'IWL':>7} {'t_ICL':>7} {'steps':>7}")
    for run in runs:
        acquired = "-" if run.t_icl is None else run.t_icl
        print(f"{run.K:>7} {run.seed:>5} {run.icl[-1]:>7.3f} {run.iwl[-1]:>7.3f} {acquired:>7} {run.step[-1]:>7}")


def failures(runs):
    """What must be seen and is not, one sentence each."""
    groups = by_diversity(runs)
    few, many = min(groups), max(groups)
    for run in groups[few]:
        if not (run.icl[-1] < 0.6 and run.iwl[-1] > 0.98):
            yield (f"K = {few}, seed {run.seed}: ICL {run.icl[-1]:.3f} and IWL {run.iwl[-1]:.3f}; "
                   "memorising means ICL < 0.6 and IWL > 0.98")
    for run in groups[many]:
        if not run.icl[-1] > 0.95:
            yield f"K = {many}, seed {run.seed}: ICL {run.icl[-1]:.3f}; learning in context means ICL > 0.95"


def main(arguments):
    if not 1 <= len(arguments) <= 2 or any(argument.startswith("-") for argument in arguments):
        print(__doc__.strip())
        return 0 if arguments in (["-h"], ["--help"]) else 2
    merged = Path(arguments[0])
    picture = Path(arguments[1]) if len(arguments) > 1 else merged.with_suffix(".png")
    try:
        runs, setting = read(merged)
        print_table(runs)
        draw(runs, setting, picture)
    except (OSError, KeyError, ValueError) as error:
        sys.exit(f"plot: {error}")
    print(f"picture: {picture}")
    missing = list(failures(runs))
    for sentence in missing:
        print(f"plot: not seen: {sentence}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
