#!/usr/bin/python3
"""t_ICL of the minimal model with its memoriser at its own rate, slowed and frozen, beside the theory. Reads the merged file alone.

usage: plot.py MERGED.h5     prints the table of README.md
"""

import sys

import h5py
import numpy


def main():
    with h5py.File(sys.argv[1]) as file:
        rows = file["runs"][:]
    table = {}
    for row in rows:
        measured = numpy.inf if row["censored"] else row["t_icl_step"]
        predicted = row["theory_t_icl_step_from_measured"]
        table.setdefault(row["intervene.rate"].decode(), []).append(
            (measured, numpy.inf if numpy.isnan(predicted) else predicted, row["theory_t_icl_step_from_initial"], row["final_c1"]))
    print("| learning rate of the memoriser | runs | t_ICL median (min to max) | predicted with the measured c1(t), c2(t) | "
          "predicted if nothing were memorised | c1 at the end |")
    print("|---|---|---|---|---|---|")
    text = lambda x: "never" if numpy.isinf(x) else f"{x:.0f}"
    for rate, runs in table.items():
        measured, predicted, initial, c1 = numpy.array(runs).T
        print(f"| {rate} | {len(runs)} | {text(numpy.median(measured))} ({text(min(measured))} to {text(max(measured))}) | "
              f"{text(numpy.median(predicted))} | {text(numpy.median(initial))} | {numpy.median(c1):.3f} |")


if __name__ == "__main__":
    main()
