#!/usr/bin/python3
"""Trains the demo's runs, as many at once as there are CPUs, then plots and checks them (see plot.py).

Exit status: 0 all is seen that must be seen; 1 it is not, or a run failed; 2 the command line is wrong.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# Longest first: the smaller K, the surer a run goes to its end instead of stopping at ICL accuracy 0.99.
DIVERSITIES = [256, 500, 1000, 2000, 4000, 10000, 50000]
SEEDS = [0, 1]


def stop(running):
    for process, _, _ in running:
        process.terminate()
    for process, _, _ in running:
        process.wait()


def train(icl, folder):
    """Runs all (K, seed) as processes of one thread each. Exits with one message if any of them fails."""
    waiting = [(K, seed) for K in DIVERSITIES for seed in SEEDS]
    total, finished, running = len(waiting), 0, []
    cpus = len(os.sched_getaffinity(0))
    start = time.monotonic()
    try:
        while waiting or running:
            while waiting and len(running) < cpus:
                K, seed = waiting.pop(0)
                name = f"K{K}_seed{seed}"
                command = [icl, "train", HERE / "demo.toml", "--set", f"data.K={K}", "--set", f"train.seed={seed}",
                           "--threads", "1", "--quiet", "--force", "--out", folder / f"{name}.h5"]
                with open(folder / f"{name}.log", "w", encoding="utf-8") as log:
                    running.append((subprocess.Popen(command, stdout=log, stderr=log), name, time.monotonic()))
            time.sleep(0.02)
            for item in [item for item in running if item[0].poll() is not None]:
                process, name, began = item
                running.remove(item)
                log = folder / f"{name}.log"
                if process.returncode != 0:
                    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
                    sys.exit(f"demo: run {name} failed (exit status {process.returncode}): "
                             f"{lines[-1] if lines else 'it said nothing'}")
                log.unlink()
                finished += 1
                print(f"[{finished:2d}/{total}] {name:<15} {time.monotonic() - began:5.1f} s", flush=True)
    finally:
        stop(running)
    print(f"{total} runs on {cpus} CPUs in {time.monotonic() - start:.0f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--icl", type=Path, default=ROOT / "build/release/icl", help="the program (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=ROOT / "results/demo", help="folder of results (default: %(default)s)")
    arguments = parser.parse_args()
    icl = arguments.icl.resolve()
    if not os.access(icl, os.X_OK) or icl.is_dir():
        sys.exit(f"demo: there is no program {icl}: build it with `make -f Makefile.ci build`, or name it with --icl")
    try:
        import plot
    except ImportError as error:
        sys.exit(f"demo: {error}: install Debian's modules with `make -f Makefile.ci setup` and use /usr/bin/python3")
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
        train(icl, arguments.out)
    except OSError as error:
        sys.exit(f"demo: {error}")
    except KeyboardInterrupt:
        sys.exit("demo: interrupted")
    return plot.main([str(arguments.out)])


if __name__ == "__main__":
    sys.exit(main())
