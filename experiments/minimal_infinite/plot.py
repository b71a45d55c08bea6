#!/usr/bin/python3
"""t_ICL of the minimal model at K = infinity against the theory. Reads merged files alone.

usage: plot.py MERGED.h5... [--icl build/release/icl] [--out PICTURE.png]     prints the table of README.md, and draws
"""

import argparse
import json
import subprocess

import h5py
import numpy


def settings(file):
    text = file["config/toml"].asstr()[()]
    value = lambda key: float(text.split(f"\n{key} = ")[1].split()[0])
    return value("N"), value("learning_rate")


def tau_star(icl, beta0, N, rate):
    command = [icl, "theory", "tau-star", "--beta0", beta0, "--N", int(N), "--learning-rate", rate, "--json"]
    return json.loads(subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout)["t_icl_steps"]


def landscape_time(icl, beta0, N, rate, attend_self):
    """Steps of gradient descent on the un-expanded landscape to an accuracy of 95 %."""
    command = [icl, "theory", "tau-star", "--beta0", beta0, "--N", int(N), "--learning-rate", rate, "--json", "--landscape"]
    command += ["--attend-self"] if attend_self else []
    return json.loads(subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout)["t_icl_steps_landscape"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("merged", nargs="+")
    parser.add_argument("--icl", default="build/release/icl")
    parser.add_argument("--out", default="minimal_infinite.png")
    arguments = parser.parse_args()
    points = {}
    for merged in arguments.merged:
        with h5py.File(merged) as file:
            N, rate = settings(file)
            rows = file["runs"][:]
            for row in rows:
                itself = bool(row["model.attend_self"]) if "model.attend_self" in rows.dtype.names else False
                D = int(row["data.D"]) if "data.D" in rows.dtype.names else 63
                key = (D, itself, float(row["model.beta0"]), N, rate)
                times = (row["t_icl_step"], row["t_icl_step_refined"]) if row["acquired"] else (numpy.inf, numpy.inf)
                points.setdefault(key, []).append(times)
    print("| D | attends to itself | beta0 | runs | t_ICL median (min to max) | to the single step | 2 n tau*/lr | measured / theory | landscape to 95 % | "
          "measured / landscape |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    table = []
    for (D, itself, beta0, N, rate), times in sorted(points.items()):
        flow = tau_star(arguments.icl, beta0, N, rate)
        landscape = landscape_time(arguments.icl, beta0, N, rate, itself)
        coarse, fine = numpy.array(times, float).T
        median = numpy.median(fine)
        table.append((D, itself, beta0, fine, flow, landscape))
        print(f"| {D} | {'yes' if itself else 'no'} | {beta0} | {len(times)} | {numpy.median(coarse):.0f} ({coarse.min():.0f} to {coarse.max():.0f}) | "
              f"{median:.0f} ({fine.min():.0f} to {fine.max():.0f}) | {flow:.0f} | {median / flow:.3f} | {landscape:.0f} | {median / landscape:.3f} |")
    draw(table, arguments.out)


def draw(table, picture):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(figsize=(6, 4.5))
    groups = sorted({(D, itself) for D, itself, *_ in table})
    for offset, (D, itself) in zip(0.05 * (numpy.arange(len(groups)) - (len(groups) - 1) / 2), groups):
        rows = [row for row in table if row[:2] == (D, itself)]
        x = [row[2] + offset for row in rows for _ in row[3]]
        y = [t for row in rows for t in row[3]]
        axes.semilogy(x, y, "o", ms=4, label=f"measured, D = {D}" + (", attends to itself" if itself else ""))
    rows = [row for row in table if not row[1]]
    beta0 = sorted({row[2] for row in rows})
    axes.semilogy(beta0, [next(r[4] for r in rows if r[2] == b) for b in beta0], "k-", lw=1, label="theory, 2 n tau*/lr")
    axes.semilogy(beta0, [next(r[5] for r in rows if r[2] == b) for b in beta0], "k:", lw=1, label="landscape to 95 %")
    axes.set(xlabel="initial beta", ylabel="t_ICL (steps)", title="The minimal model at K = infinity")
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(picture, dpi=150)
    print(picture)


if __name__ == "__main__":
    main()
