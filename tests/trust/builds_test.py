"""The same bits from every build, with any number of threads, whatever OMP_NUM_THREADS says, under each set of BLAS kernels.

usage: builds_test.py ICL [ICL ...]      the first one with one thread is what all others are held against

An ICL may be several words, as in a shell: a program that runs it, and its arguments.
"""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

BASE = """
[model]
hidden = 150
[data]
N = 21
D = 40
[train]
epochs = 3
steps_per_epoch = 20
batch_size = 37
learning_rate = 0.1
weight_decay_attention = 1e-2
[eval]
sequences = 300
"""
CONFIGS = {"small": ["data.K=64"], "large": ["data.K=30000", "train.seed=7"], "infinite": ["data.K=inf", "train.seed=3"]}
# --threads and OMP_NUM_THREADS
THREADS = ((1, 1), (1, 2), (1, 8), (2, 1), (2, 8), (3, 2), (4, 8), (8, 2))
KERNELS = ("Haswell", "Zen") + (("SkylakeX",) if " avx512dq " in Path("/proc/cpuinfo").read_text() else ())


def train(program, folder, out, settings, kernels, threads, omp_threads):
    command = [*shlex.split(program), "train", folder / "base.toml", "--quiet", "--force", "--threads", str(threads), "--out", out]
    for setting in settings:
        command += ["--set", setting]
    subprocess.run(command, check=True, env=os.environ | {"OPENBLAS_CORETYPE": kernels, "OMP_NUM_THREADS": str(omp_threads)})


def main(programs):
    compared = 0
    with tempfile.TemporaryDirectory(prefix="icl-builds-") as name:
        folder = Path(name)
        (folder / "base.toml").write_text(BASE)
        for kernels in KERNELS:
            for config, settings in CONFIGS.items():
                reference, out = folder / f"{kernels}-{config}-reference.h5", folder / f"{kernels}-{config}.h5"
                train(programs[0], folder, reference, settings, kernels, 1, 1)
                for program in programs:
                    for threads, omp_threads in THREADS:
                        train(program, folder, out, settings, kernels, threads, omp_threads)
                        diff = subprocess.run(["h5diff", "--exclude-path", "/provenance", reference, out], capture_output=True, text=True)
                        if diff.returncode != 0 or diff.stdout or diff.stderr:
                            sys.exit(f"{program}, {config}, kernels {kernels}, --threads {threads}, OMP_NUM_THREADS={omp_threads}: "
                                     f"other bits\n{diff.stdout}{diff.stderr}")
                        compared += 1
    print(f"{compared} files, {len(programs)} builds, (--threads, OMP_NUM_THREADS) {THREADS}, kernels {KERNELS}, "
          f"configurations {list(CONFIGS)}: 0 differing bits")


if __name__ == "__main__":
    main(sys.argv[1:])
