#!/usr/bin/python3
"""What the paper's figures cost at paper scale: core-hours, and minutes on a cluster, by simulating the schedule.

usage: plan.py [--icl PROGRAM] [--nodes 64] [--cores 64] [--seconds 1.5]

Measures a step with `icl bench` for every system, N and kind of K that the figures need (so leave the machine alone), and
prints a table. Runs are trained to their last epoch here; those that stop once ICL is acquired take a tenth of that or less. fig4 is
numbers from theory (S5) beside the trajectories of fig3, and costs nothing more. The schedule is one queue for all cores,
longest runs first; the shards of `icl sweep --slurm` are strided through the same order.
"""

import argparse
import heapq
import json
import math
import subprocess
from pathlib import Path

STEPS = 469  # an epoch
EVALUATION_SHARE = 0.039  # of a run's time, measured: data/speed/zen3/speed.json


def log_space(first, last, count):
    """2 floor(logspace), as the paper draws its K."""
    return [2 * math.floor(10 ** (math.log10(first) + i * (math.log10(last) - math.log10(first)) / (count - 1)))
            for i in range(count)]


FIG2 = [500, 11554, 22610, 33666, 44722, 55776, 66832, 77888, 88944, 100000]
FIG5 = log_space(250, 5e4, 10)
FIG6A = log_space(250, 2e5, 30)
FIG6E = log_space(2500, 25000, 10)
LENGTHS = [50, 100, 150, 200, 250]
INF = math.inf

# name, system, [(K, N)] of one repeat, epochs, repeats (those with * are our choice, since the paper names none)
FIGURES = [
    ("fig2b, 2c", "S1", [(K, 100) for K in FIG2], 1000, "11"),
    ("fig2d", "S1", [(20000, 100)], 1000, "10*"),
    ("fig2e, 6d", "S1", [(10000, 100)], 50000, "5*"),
    ("fig3, transition", "S3", [(K, 100) for K in FIG2], 1000, "11*"),
    ("fig3, transience", "S3", [(10000, 100)], 50000, "5*"),
    ("fig5, A2, A3", "S4", [(K, 1) for K in FIG5], 20000, "10"),
    ("fig6a, A7", "S1", [(K, N) for N in LENGTHS for K in FIG6A], 2000, "10*"),
    ("fig6b, A4", "S1", [(INF, N) for N in LENGTHS], 2000, "100"),
    ("figA5", "S2", [(INF, N) for N in LENGTHS], 2000, "100"),
    ("fig6c", "S1", [(9666, 100)], 1000, "100*"),
    ("fig6e, A8", "S1", [(K, 100) for K in FIG6E] * 2, 1000, "10*"),
    ("figA8, curves", "S1", [(31336, 100)] * 2, 1000, "10*"),
    ("figA6", "S1", [(15000, 100)] * 20, 10000, "5*"),
]


SYSTEMS = {"S1": "one_layer", "S2": "multi_layer", "S3": "minimal", "S4": "memoriser"}


class Speed:
    """Seconds of a step on one core, measured."""

    def __init__(self, icl, seconds):
        self.icl, self.seconds, self.measured = icl, seconds, {}

    def step(self, system, K, N):
        # The table's size matters by its cache misses only: to the next power of ten.
        K = K if K is INF else 10 ** math.ceil(math.log10(K))
        if (system, K, N) not in self.measured:
            settings = {"model.system": SYSTEMS[system], "data.K": "inf" if K is INF else K}
            if system != "S4":
                settings["data.N"] = N
            command = [self.icl, "bench", "--json", "--seconds", self.seconds]
            command += [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
            result = json.loads(subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout)
            self.measured[system, K, N] = 1e-3 * result["ms_per_step"]["median"]
        return self.measured[system, K, N]


def makespan(seconds, workers):
    """Longest first, each on the worker that is free first."""
    free = [0.0] * min(workers, len(seconds))
    for run in sorted(seconds, reverse=True):
        heapq.heappush(free, heapq.heappop(free) + run)
    return max(free)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--icl", type=Path, default=Path(__file__).resolve().parents[1] / "build/release/icl")
    parser.add_argument("--nodes", type=int, default=64)
    parser.add_argument("--cores", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=1.5)
    arguments = parser.parse_args()
    speed = Speed(arguments.icl, arguments.seconds)
    everything = []
    print(f"| figure | system | runs | ms a step | core-hours | {arguments.nodes} x {arguments.cores} cores, one thread a run |")
    print("|---|---|---|---|---|---|")
    for name, system, points, epochs, repeats in FIGURES:
        steps = [speed.step(system, K, N) for K, N in points]
        seconds = [s * STEPS * epochs * (1 + EVALUATION_SHARE) for s in steps] * int(repeats.rstrip("*"))
        everything += seconds
        lowest, highest = (f"{1e3 * s:.3g}" for s in (min(steps), max(steps)))
        time = lowest if lowest == highest else f"{lowest} to {highest}"
        print(f"| {name} | {system} | {len(points)} x {repeats} | {time} | {sum(seconds) / 3600:,.0f} | "
              f"{makespan(seconds, arguments.nodes * arguments.cores) / 60:,.0f} min |")
    print(f"| all at once | | {len(everything):,} | | {sum(everything) / 3600:,.0f} | "
          f"{makespan(everything, arguments.nodes * arguments.cores) / 60:,.0f} min |")


if __name__ == "__main__":
    main()
