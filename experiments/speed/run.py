#!/usr/bin/python3
"""Measures `icl bench` beside PyTorch programs, and how its time depends on the setting.

usage: run.py [--icl PROGRAM] [--rounds R] [--seconds S] [--out FOLDER] [--before PROGRAM] [--cpu-time] [--only SYSTEM]

All that is compared runs in turn, round by round, pinned to the same cores, so that what slows the machine slows all
alike; every ratio is taken within a round. A round in which OpenBLAS's peak falls by more than 5 % below the best of its
kind so far is said and measured again, three times at most. --before names another build of icl, which is then measured
beside this one. --cpu-time is for a machine that others use: it counts processor time, which only one thread has, and
leaves out what needs two. --only measures one of the systems, prints its tables and writes nothing. Otherwise it writes
FOLDER/speed.json, prints the tables of plot.py and draws FOLDER/speed.png (default FOLDER: results/speed).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import plot

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# What runs side by side: settings of icl, and the ways of baselines.py.
SYSTEMS = {
    "one_layer": ([], ("plain", "last_token", "algebra")),
    "multi_layer": (["model.system=multi_layer", "data.K=inf"], ("multi_layer",)),
    "scalar_beta": (["model.system=scalar_beta"], ("scalar_beta",)),
    "minimal": (["model.system=minimal"], ()),
    "memoriser": (["model.system=memoriser"], ()),
    "blocks": (["model.system=blocks", "model.hidden=128", "blocks.read_in=linear", "blocks.d_model=128", "blocks.norm=none", "blocks.output=none",
                "blocks.positions=learned", "data.layout=interleaved", "data.N=9"], ("blocks",)),
}
QUIET = 0.95


class Bench:
    def __init__(self, icl, seconds, before=None, clock=None):
        self.icl, self.seconds, self.before = icl, seconds, before
        self.environment = {"LD_PRELOAD": str(clock)} if clock else {}
        self.cpus = sorted(os.sched_getaffinity(0))
        self.machine = None

    def start(self, command, threads, first=0):
        cpus = ",".join(map(str, self.cpus[first:first + threads]))
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)} | self.environment
        return subprocess.Popen(["taskset", "--cpu-list", cpus, *map(str, command)], stdout=subprocess.PIPE, text=True,
                                env=environment)

    def finish(self, process):
        out, _ = process.communicate()
        if process.returncode != 0:
            sys.exit(f"{process.args}: exit {process.returncode}")
        return json.loads(out)

    def icl_command(self, threads, settings, program=None):
        overrides = [word for setting in settings for word in ("--set", setting)]
        return [program or self.icl, "bench", "--json", "--threads", threads, "--seconds", self.seconds, *overrides]

    def icl_bench(self, threads=1, *settings, program=None):
        return self.of_icl(self.start(self.icl_command(threads, settings, program), threads))

    def of_icl(self, process):
        """Its result, without what is the same in all and so kept once."""
        result = self.finish(process)
        machine = result.pop("machine")
        self.machine = self.machine or {key: machine[key] for key in ("program", "commit", "compiler", "compiler_flags", "blas", "blas_kernel_set", "cpu")}
        del result["config"], result["gemm"]
        return result

    def torch(self, way, threads):
        command = [sys.executable, HERE / "baselines.py", way, "--threads", threads, "--seconds", self.seconds]
        result = self.finish(self.start(command, threads))
        times = result.pop("ms")
        return result | {"ms_per_step": {"median": statistics.median(times)}, "steps": len(times)}

    def at_once(self, count):
        """`count` runs with one thread and one core each."""
        running = [self.start(self.icl_command(1, ()), 1, first=i) for i in range(count)]
        return [self.of_icl(process) for process in running]


def say(text):
    print(text, file=sys.stderr, flush=True)


def rotated(names, turns):
    """The names in an order that begins elsewhere in each round: what comes first is not always the same."""
    names = list(names)
    return names[turns % len(names):] + names[:turns % len(names)]


class Guard:
    """Measures rounds, again where the machine was disturbed."""

    def __init__(self, again=3):
        self.best, self.again, self.repeated = {}, again, []

    def rounds(self, what, count, measure):
        """[measure(i)] for i below count: {name: result}, where icl's results hold the peak beside which they ran."""
        found = []
        for i in range(count):
            for attempt in range(1 + self.again):
                say(f"{what}, round {i + 1} of {count}")
                row = measure(i)
                lost = self.lost(what, row)
                if not lost or attempt == self.again:
                    break
                say(f"  {lost}: again")
                self.repeated.append(f"{what}, round {i + 1}: {lost}")
            found.append(row)
        return found

    def lost(self, what, row):
        for name, result in row.items():
            peak = result.get("peak_gflops")
            if peak is None:
                continue
            best = max(self.best.get((what, name), 0), peak)
            self.best[what, name] = best
            if peak < QUIET * best:
                return f"peak of {peak:.1f} GFLOP/s beside {name}, {best:.1f} before"
        return ""


def compared(bench, guard, rounds, threads, system):
    """[{program: result}] a round."""
    settings, ways = SYSTEMS[system]
    measure = {"icl": lambda: bench.icl_bench(threads, *settings)}
    if bench.before:
        measure["before"] = lambda: bench.icl_bench(threads, *settings, program=bench.before)
    measure |= {way: lambda way=way: bench.torch(way, threads) for way in ways}
    return guard.rounds(f"{system}, {threads} thread(s)", rounds, lambda i: {name: measure[name]() for name in rotated(measure, i)})


def curve(bench, guard, rounds, name, settings):
    """[{label: result}] a round, for settings {label: [--set ...]}."""
    rows = guard.rounds(name, rounds, lambda i: {label: bench.icl_bench(1, *settings[label]) for label in rotated(settings, i)})
    return [{label: row[label] for label in settings} for row in rows]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--icl", type=Path, default=ROOT / "build/release/icl")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "results/speed")
    parser.add_argument("--before", type=Path)
    parser.add_argument("--cpu-time", action="store_true")
    parser.add_argument("--only", choices=SYSTEMS)
    arguments = parser.parse_args()
    clock = arguments.out.resolve() / "cpu_clock.so" if arguments.cpu_time else None
    if clock or not arguments.only:
        arguments.out.mkdir(parents=True, exist_ok=True)
    if clock:
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", clock, HERE / "cpu_clock.c"], check=True)
    before = arguments.before.resolve() if arguments.before else None
    bench, rounds = Bench(arguments.icl.resolve(), arguments.seconds, before, clock), arguments.rounds
    guard, cores = Guard(), len(bench.cpus)
    counts = [1] if clock else [threads for threads in (1, 2, 4, 8, 16, 32, 64) if threads <= cores]
    result = {"cores": cores, "clock": "processor" if clock else "wall", "systems": {}}
    for system in [arguments.only] if arguments.only else SYSTEMS:
        result["systems"][system] = {str(threads): compared(bench, guard, rounds, threads, system) for threads in counts[:2]}
    if arguments.only:
        plot.print_systems(result | {"repeated": guard.repeated})
        return
    result["K"] = curve(bench, guard, rounds, "K", {K: [f"data.K={K}"] for K in ("1000", "10000", "100000", "1000000", "inf")})
    result["N"] = curve(bench, guard, rounds, "N", {str(N): [f"data.N={N}"] for N in (50, 100, 200, 400, 800)})
    say("a long run, for evaluation and recording")
    bench.seconds = 10 * arguments.seconds
    result["long"] = bench.icl_bench()
    bench.seconds = arguments.seconds
    result["threads"], result["at_once"] = [], []
    for round_number in range(rounds):
        say(f"threads, round {round_number + 1} of {rounds}")
        result["threads"].append({str(threads): bench.icl_bench(threads) for threads in counts})
        result["at_once"].append({str(count): bench.at_once(count) for count in counts})
    result["repeated"], result["machine"] = guard.repeated, bench.machine
    (arguments.out / "speed.json").write_text(json.dumps(result, indent=1) + "\n")
    subprocess.run([sys.executable, HERE / "plot.py", arguments.out], check=True)


if __name__ == "__main__":
    main()
