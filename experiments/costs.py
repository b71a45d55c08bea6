#!/usr/bin/python3
"""What each item costs on this machine: a table of its runs and their time at smoke, desk and paper scale.

usage: costs.py [--icl PROGRAM] [--workers 4096] [ITEM ...]

Times are those of `icl sweep ITEM/experiment.toml --dry-run --json`, one thread a run, so leave the machine alone. They are counted to each run's last
epoch, and so are upper bounds. What the runs of data/results/ITEM/desk took beside that is the same time for as many steps as each of them went before
its stop. A schedule is one queue, longest runs first: two workers at desk scale, `--workers` at paper scale, where they are a cluster's 64 nodes of 64 cores.
"""

import argparse
import heapq
import json
import subprocess
import tempfile
import tomllib
from pathlib import Path

import h5py

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "data/results"


def makespan(seconds, workers):
    """Longest first, each on the worker that is free first."""
    free = [0.0] * min(workers, len(seconds))
    for run in sorted(seconds, reverse=True):
        heapq.heappush(free, heapq.heappop(free) + run)
    return max(free)


def duration(seconds):
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:,.0f} h"


class Costs:
    """Seconds of each run of an item, by its hash, to its last epoch."""

    def __init__(self, icl, item, scale):
        with tempfile.TemporaryDirectory() as out:
            command = [icl, "sweep", HERE / item / "experiment.toml", "--scale", scale, "--dry-run", "--json", "--out", Path(out) / "none"]
            forecast = json.loads(subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout)
        self.seconds = {run["hash"]: run["seconds"] for run in forecast["runs"]}

    def at_most(self):
        return f"{len(self.seconds):,} runs, {duration(sum(self.seconds.values()))}"

    def as_they_ran(self, merged):
        """Seconds of each, to the step where it ended. Nothing if the file lacks one of them."""
        with h5py.File(merged) as file:
            runs = {row["hash"].decode(): row for row in file["runs"][:]}
        if not self.seconds.keys() <= runs.keys():
            return None
        return [s * runs[hash]["last_step"] / runs[hash]["horizon"] for hash, s in self.seconds.items()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--icl", type=Path, default=HERE.parent / "build/release/icl")
    parser.add_argument("--workers", type=int, default=4096)
    parser.add_argument("items", nargs="*", metavar="ITEM", default=sorted(p.parent.name for p in HERE.glob("*/experiment.toml")))
    arguments = parser.parse_args()
    print(f"| item | smoke | desk, at most | desk, as it ran | on two cores | paper, at most | on {arguments.workers:,} cores |")
    print("|---|---|---|---|---|---|---|")
    total = 0
    for item in arguments.items:
        scales = tomllib.loads((HERE / item / "experiment.toml").read_text()).get("scale", {})
        cells = dict.fromkeys(("smoke", "desk", "ran", "two", "paper", "cluster"), "-")
        for scale in ("smoke", "desk", "paper"):
            if scale not in scales and not (scale == "paper" and item.startswith("fig")):  # whose own settings are the paper's, unless it names them
                continue
            costs = Costs(arguments.icl, item, scale)
            cells[scale] = costs.at_most()
            if scale == "paper":
                cells["cluster"] = duration(makespan(costs.seconds.values(), arguments.workers))
            merged = RESULTS / item / scale / "sweep.h5"
            if scale == "desk" and merged.exists() and (seconds := costs.as_they_ran(merged)):
                cells |= {"ran": duration(sum(seconds)), "two": duration(makespan(seconds, 2))}
                total += makespan(seconds, 2)
        print(f"| {item} | {' | '.join(cells.values())} |", flush=True)
    print(f"\nAll at desk scale, on two cores: {duration(total)}")


if __name__ == "__main__":
    main()
