#!/usr/bin/python3
"""Prints the tables of a measurement and draws it.

usage: plot.py [FOLDER]      FOLDER holds speed.json and receives speed.png (default: results/speed)
"""

import json
import statistics
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

BLUE, VERMILION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#5F6770"
SYSTEMS = {"one_layer": "S1, K=10000, N=100", "multi_layer": "S2 at the paper's size, K=inf, N=100", "scalar_beta": "scalar_beta, K=10000, N=100",
           "minimal": "S3, K=10000, N=100", "memoriser": "S4, K=10000", "blocks": "two layers of attention of width 128, 17 tokens"}
OTHERS = {"before": "icl before", "multi_layer": "PyTorch", "scalar_beta": "PyTorch", "blocks": "PyTorch"}
NAMES = {"plain": "PyTorch, plain", "last_token": "PyTorch, last token only", "algebra": "PyTorch, same algebra", "icl": "icl"}
PHASES = {"MLP products": BLUE, "attention forward": "#56B4E9", "attention backward": GREEN, "sampling": "#E69F00",
          "element-wise": "#CC79A7", "weight decay and checks": GREY, "rest": "#E4E7EA"}


def ms(result):
    return result["ms_per_step"]["median"]


def spread(values):
    """Median, smallest and largest."""
    return statistics.median(values), min(values), max(values)


def text(values, form="{:.2f}"):
    return "{} ({} to {})".format(*(form.format(v) for v in spread(values)))


def ratios(rows, over, under):
    return [ms(row[over]) / ms(row[under]) for row in rows]


def print_systems(result):
    print(f"{result['clock']} time; measured again: {'; '.join(result['repeated']) or 'nothing'}")
    for system, of_system in result["systems"].items():
        for threads, rows in of_system.items():
            print(f"\n| {SYSTEMS[system]}, batch 128, {threads} thread{'s' if threads != '1' else ''} | ms a step | icl is faster by | share of peak |\n|---|---|---|---|")
            for name, label in (NAMES | OTHERS).items():
                if name in rows[0]:
                    by = "" if name == "icl" else text(ratios(rows, name, "icl"))
                    share = text([row[name]["share_of_peak"] for row in rows], "{:.3f}") if "share_of_peak" in rows[0][name] else ""
                    print(f"| {label} | {text([ms(row[name]) for row in rows])} | {by} | {share} |")
            print("peak " + text([row["icl"]["peak_gflops"] for row in rows], "{:.1f}") + " GFLOP/s")
            handed = [row["icl"].get("hand_over_ns") for row in rows]
            if None not in handed:
                print("from one thread to another " + text(handed, "{:.0f}") + " ns")


def print_tables(result):
    print_systems(result)
    shares, long = result["long"]["phases"], result["long"]
    print(f"\na run of {long['seconds']:.0f} s with default settings, {long['evaluations']} evaluations: evaluation "
          f"{100 * shares['evaluation']['share']:.2f} %, recording and publishing {100 * shares['recording']['share']:.2f} % of its time")
    for name, against in (("K", "1000"), ("N", "100")):
        print(f"\n| {name} | ms a step | over {name} = {against} |\n|---|---|---|")
        for label in result[name][0]:
            print(f"| {label} | {text([ms(row[label]) for row in result[name]])} | {text(ratios(result[name], label, against))} |")
    print("K = infinity over K = 10000: " + text(ratios(result["K"], "inf", "10000")))
    print("\n| threads | ms a step | faster than one | as many runs at once: throughput over one |\n|---|---|---|---|")
    for label in result["threads"][0]:
        at_once = [sum(1 / ms(run) for run in row[label]) * ms(row["1"][0]) for row in result["at_once"]]
        print(f"| {label} | {text([ms(row[label]) for row in result['threads']])} | {text(ratios(result['threads'], '1', label))} | {text(at_once)} |")


def draw(result, path):
    plt.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(2, 2, figsize=(11, 7.2), constrained_layout=True)
    rows = result["systems"]["one_layer"]["1"]
    programs, phases, by_k, by_n = axes.flat
    for place, (name, label) in enumerate(NAMES.items()):
        middle, low, high = spread([ms(row[name]) for row in rows])
        programs.barh(place, middle, color=VERMILION if name == "icl" else GREY, xerr=[[middle - low], [high - middle]])
        programs.annotate(f"{middle:.1f} ms", (high, place), xytext=(6, 0), textcoords="offset points", va="center")
    programs.set_yticks(range(len(NAMES)), NAMES.values())
    programs.set(title="One step, one core (K = 10 000, N = 100)", xlabel="ms a step", xlim=(0, 1.25 * max(ms(row["plain"]) for row in rows)))
    left = 0
    for name, colour in PHASES.items():
        seconds = [row["icl"]["waiting_seconds"] if name == "rest" else row["icl"]["phases"][name]["seconds"] for row in rows]
        width = statistics.median(1e3 * s / row["icl"]["steps"] for s, row in zip(seconds, rows))
        phases.barh(0, width, left=left, color=colour, label=f"{name}: {width:.2f}")
        left += width
    floor = statistics.median(row["icl"]["mlp_mflop_per_step"] / row["icl"]["peak_gflops"] for row in rows)
    phases.plot([floor, floor], [-0.5, 0.5], color="black", linestyle="--", label=f"MLP at peak: {floor:.2f}")
    phases.set(title="Where the time goes", xlabel="ms a step", yticks=[], ylim=(-1.8, 0.6))
    phases.legend(loc="lower left", ncols=2, frameon=False, fontsize=9)
    for plot, name, colour in ((by_k, "K", BLUE), (by_n, "N", GREEN)):
        labels = list(result[name][0])
        found = [spread([ms(row[label]) for row in result[name]]) for label in labels]
        plot.errorbar(range(len(labels)), [m for m, _, _ in found], fmt="o-", color=colour, capsize=3,
                      yerr=[[m - low for m, low, _ in found], [high - m for m, _, high in found]])
        plot.set_xticks(range(len(labels)), ["∞" if label == "inf" else f"{int(label):,}".replace(",", "\u202f") for label in labels])
        plot.set(xlabel=name, ylabel="ms a step", title=f"Against {'task diversity K' if name == 'K' else 'context length N'}", ylim=(0, None))
    machine = result["machine"]
    figure.suptitle(f"{machine['cpu']}, OpenBLAS kernels {machine['blas_kernel_set']}; bars: smallest and largest of {len(rows)} rounds", color=GREY)
    figure.savefig(path, dpi=130)


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("results/speed")
    result = json.loads((folder / "speed.json").read_text())
    if "systems" not in result:
        sys.exit(f"{folder / 'speed.json'}: of a measurement before that of all systems; `make -f Makefile.ci bench` makes it anew")
    print_tables(result)
    draw(result, folder / "speed.png")


if __name__ == "__main__":
    main()
