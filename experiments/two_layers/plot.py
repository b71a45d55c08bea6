#!/usr/bin/python3
"""ICL accuracy of the two-layer transformer against the step, and how many seeds acquire ICL. Reads the merged file alone.

usage: plot.py MERGED.h5 [PICTURE.png]     prints the table of README.md, and draws
"""

import sys

import h5py
import numpy


def main():
    merged = sys.argv[1]
    picture = sys.argv[2] if len(sys.argv) > 2 else merged.replace(".h5", ".png")
    with h5py.File(merged) as file:
        rows = file["runs"][:]
        steps, accuracy = file["metrics/step"][:], file["metrics/icl_accuracy"][:]
    print("| seed | t_ICL (steps) | steps made | ended | final ICL accuracy |")
    print("|---|---|---|---|---|")
    for row in rows:
        print(f"| {row['seed']} | {int(row['t_icl_step']) if row['acquired'] else 'not acquired'} | {row['last_step']} | {row['status'].decode()} | {row['final_icl_accuracy']:.3f} |")
    acquired = rows["acquired"] == 1
    print(f"\nacquired ICL: {acquired.sum()} of {len(rows)}")
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(figsize=(6, 4))
    for row, curve in zip(rows, accuracy):
        seen = numpy.isfinite(curve)
        axes.plot(steps[seen], curve[seen], lw=1, label=f"seed {row['seed']}")
    axes.axhline(0.95, color="black", ls=":", lw=1)
    axes.set(xlabel="step", ylabel="ICL accuracy", title="Two layers, K = infinity, N = 16")
    axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(picture, dpi=150)
    print(picture)


if __name__ == "__main__":
    main()
