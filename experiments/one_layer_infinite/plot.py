#!/usr/bin/python3
"""t_ICL of S1 at K = infinity against the minimal theory, started from S1's effective beta and w. Reads the merged file alone.

usage: plot.py MERGED.h5 [PICTURE.png] [--icl build/release/icl]     prints the table of README.md, and draws
"""

import argparse
import json
import subprocess

import h5py
import numpy


def rank_correlation(x, y):
    rank = lambda values: numpy.argsort(numpy.argsort(values)).astype(float)
    return float(numpy.corrcoef(rank(x), rank(y))[0, 1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("merged")
    parser.add_argument("picture", nargs="?")
    parser.add_argument("--icl", default="build/release/icl")
    arguments = parser.parse_args()
    with h5py.File(arguments.merged) as file:
        text = file["config/toml"].asstr()[()]
        value = lambda key: float(text.split(f"\n{key} = ")[1].split()[0])
        N, rate = int(value("N")), value("learning_rate")
        rows, metrics = file["runs"][:], file["metrics"]
        beta0, w0 = metrics["effective_beta"][:, 0], metrics["effective_w"][:, 0]
        alignment = metrics["identity_alignment"][:, 0]
        measured = numpy.where(rows["censored"] == 1, numpy.inf, rows["t_icl_step"])
    predicted = []
    for b, w in zip(beta0, w0):
        command = [arguments.icl, "theory", "tau-star", "--beta0", b, "--w0", w, "--N", N, "--learning-rate", rate, "--json"]
        predicted.append(json.loads(subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout)["t_icl_steps"])
    predicted = numpy.array(predicted)
    print("| seed | effective beta | effective w | alignment | predicted t_ICL | measured t_ICL |")
    print("|---|---|---|---|---|---|")
    for row, b, w, a, p, m in zip(rows, beta0, w0, alignment, predicted, measured):
        print(f"| {row['seed']} | {b:.4f} | {w:.4f} | {a:.4f} | {p:.0f} | {'not acquired' if numpy.isinf(m) else int(m)} |")
    print(f"\nruns that acquired ICL: {int(numpy.isfinite(measured).sum())} of {len(measured)}")
    for name, x in (("predicted", predicted), ("effective beta", beta0), ("effective w", w0), ("alignment", alignment)):
        print(f"rank correlation of the measured t_ICL with {name}: {rank_correlation(x, measured):.2f}")
    print(f"median measured / median predicted: {numpy.median(measured) / numpy.median(predicted):.2f}")
    draw(predicted, measured, arguments.picture or arguments.merged.replace(".h5", ".png"))


def draw(predicted, measured, picture):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(figsize=(5, 4.5))
    done = numpy.isfinite(measured)
    axes.loglog(predicted[done], measured[done], "o")
    ends = numpy.array([min(predicted.min(), measured[done].min()), max(predicted.max(), measured[done].max())])
    axes.loglog(ends, ends, "k:", lw=1, label="equal")
    axes.set(xlabel="t_ICL predicted by the minimal theory (steps)", ylabel="t_ICL measured (steps)", title="S1 at K = infinity")
    axes.legend()
    figure.tight_layout()
    figure.savefig(picture, dpi=150)
    print(picture)


if __name__ == "__main__":
    main()
