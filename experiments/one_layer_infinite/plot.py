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


def interval(x, y, draws=4000):
    """95 % of the rank correlations of resampled seeds."""
    random = numpy.random.default_rng(1)
    drawn = [random.integers(len(x), size=len(x)) for _ in range(draws)]
    return numpy.percentile([rank_correlation(x[i], y[i]) for i in drawn], [2.5, 97.5])


def predicted_steps(icl, beta0, w0, c2, N, rate):
    command = [icl, "theory", "tau-star", "--beta0", beta0, "--w0", w0, "--c2", c2, "--json"]
    found = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout
    return 2 * (N - 1) * json.loads(found)["tau_star"] / rate


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
        measured = numpy.where(rows["acquired"] == 1, rows["t_icl_step"], numpy.inf)
    predicted, unbraked = (numpy.array([predicted_steps(arguments.icl, b, w, c2, N, rate) for b, w in zip(beta0, w0)]) for c2 in (0.5, 0))
    print("| seed | effective beta | effective w | alignment | predicted t_ICL | the same with c2 = 0 | measured t_ICL |")
    print("|---|---|---|---|---|---|---|")
    for row, b, w, a, p, u, m in zip(rows, beta0, w0, alignment, predicted, unbraked, measured):
        print(f"| {row['seed']} | {b:.4f} | {w:.4f} | {a:.4f} | {p:.0f} | {u:.0f} | {'not acquired' if numpy.isinf(m) else int(m)} |")
    print(f"\nruns that acquired ICL: {int(numpy.isfinite(measured).sum())} of {len(measured)}")
    for name, x in (("predicted", predicted), ("predicted with c2 = 0", unbraked), ("effective beta", beta0), ("effective w", w0),
                    ("alignment", alignment)):
        low, high = interval(x, measured)
        print(f"rank correlation of the measured t_ICL with {name}: {rank_correlation(x, measured):.2f} ({low:.2f} to {high:.2f})")
    print(f"of effective beta with alignment: {rank_correlation(beta0, alignment):.2f}")
    for name, x in (("predicted", predicted), ("predicted with c2 = 0", unbraked)):
        print(f"median measured / median {name}: {numpy.median(measured) / numpy.median(x):.2f}")
    done = numpy.isfinite(measured)
    slope = lambda y: numpy.polyfit(beta0[done], numpy.log(y[done]), 1)[0]
    print(f"slope of ln t_ICL against effective beta: measured {slope(measured):.2f}, predicted {slope(predicted):.2f}, with c2 = 0 {slope(unbraked):.2f}")
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
