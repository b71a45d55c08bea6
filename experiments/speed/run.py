#!/usr/bin/python3
"""Measures `icl bench` beside three PyTorch programs, and how its time depends on the setting.

usage: run.py [--icl PROGRAM] [--rounds R] [--seconds S] [--out FOLDER]

All that is compared runs in turn, round by round, pinned to the same cores, so that what slows the machine slows all
alike; every ratio is taken within a round. Writes FOLDER/speed.json, prints the tables of plot.py and draws
FOLDER/speed.png (default FOLDER: results/speed).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WAYS = ("plain", "last_token", "algebra")


class Bench:
    def __init__(self, icl, seconds):
        self.icl, self.seconds = icl, seconds
        self.cpus = sorted(os.sched_getaffinity(0))

    def start(self, command, threads, first=0):
        cpus = ",".join(map(str, self.cpus[first:first + threads]))
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        return subprocess.Popen(["taskset", "--cpu-list", cpus, *map(str, command)], stdout=subprocess.PIPE, text=True,
                                env=environment)

    def finish(self, process):
        out, _ = process.communicate()
        if process.returncode != 0:
            sys.exit(f"{process.args}: exit {process.returncode}")
        return json.loads(out)

    def icl_command(self, threads, settings):
        overrides = [word for setting in settings for word in ("--set", setting)]
        return [self.icl, "bench", "--json", "--threads", threads, "--seconds", self.seconds, *overrides]

    def icl_bench(self, threads=1, *settings):
        return self.finish(self.start(self.icl_command(threads, settings), threads))

    def torch(self, way, threads):
        command = [sys.executable, HERE / "baselines.py", way, "--threads", threads, "--seconds", self.seconds]
        result = self.finish(self.start(command, threads))
        times = result.pop("ms")
        return result | {"ms_per_step": {"median": statistics.median(times)}, "steps": len(times)}

    def at_once(self, count):
        """`count` runs with one thread and one core each."""
        running = [self.start(self.icl_command(1, ()), 1, first=i) for i in range(count)]
        return [self.finish(process) for process in running]


def say(text):
    print(text, file=sys.stderr, flush=True)


def rotated(names, turns):
    """The names in an order that begins elsewhere in each round: what comes first is not always the same."""
    names = list(names)
    return names[turns % len(names):] + names[:turns % len(names)]


def compared(bench, rounds, threads):
    """[{program: result}] a round."""
    found = []
    for round_number in range(rounds):
        say(f"{threads} thread(s), round {round_number + 1} of {rounds}")
        measure = {"icl": lambda: bench.icl_bench(threads)}
        measure |= {way: lambda way=way: bench.torch(way, threads) for way in WAYS}
        row = {name: measure[name]() for name in rotated(measure, round_number)}
        found.append(row)
    return found


def curve(bench, rounds, name, settings):
    """[{label: result}] a round, for settings {label: [--set ...]}."""
    found = []
    for round_number in range(rounds):
        say(f"{name}, round {round_number + 1} of {rounds}")
        row = {label: bench.icl_bench(1, *settings[label]) for label in rotated(settings, round_number)}
        found.append({label: row[label] for label in settings})
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--icl", type=Path, default=ROOT / "build/release/icl")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "results/speed")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    bench, rounds = Bench(arguments.icl.resolve(), arguments.seconds), arguments.rounds
    cores = len(bench.cpus)
    counts = [threads for threads in (1, 2, 4, 8, 16, 32, 64) if threads <= cores]
    result = {"cores": cores, "programs": {threads: compared(bench, rounds, threads) for threads in counts[:2]}}
    result["K"] = curve(bench, rounds, "K", {K: [f"data.K={K}"] for K in ("1000", "10000", "100000", "1000000", "inf")})
    result["N"] = curve(bench, rounds, "N", {str(N): [f"data.N={N}"] for N in (50, 100, 200, 400, 800)})
    say("a long run, for evaluation and recording")
    bench.seconds = 10 * arguments.seconds
    result["long"] = bench.icl_bench()
    bench.seconds = arguments.seconds
    result["threads"], result["at_once"] = [], []
    for round_number in range(rounds):
        say(f"threads, round {round_number + 1} of {rounds}")
        result["threads"].append({str(threads): bench.icl_bench(threads) for threads in counts})
        result["at_once"].append({str(count): bench.at_once(count) for count in counts})
    (arguments.out / "speed.json").write_text(json.dumps(result, indent=1) + "\n")
    subprocess.run([sys.executable, HERE / "plot.py", arguments.out], check=True)


if __name__ == "__main__":
    main()
