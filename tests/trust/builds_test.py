"""The same bits from every build and any number of threads.

usage: builds_test.py ICL [ICL ...]      the first one with one thread is what all others are held against
"""

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
THREADS = (1, 2, 3, 4, 8)


def main(programs):
    compared = 0
    with tempfile.TemporaryDirectory(prefix="icl-builds-") as name:
        folder = Path(name)
        (folder / "base.toml").write_text(BASE)
        for config, settings in CONFIGS.items():
            reference = None
            for program in programs:
                for threads in THREADS:
                    out = folder / f"{config}.h5"
                    command = [program, "train", folder / "base.toml", "--quiet", "--force", "--threads", str(threads), "--out", out]
                    for setting in settings:
                        command += ["--set", setting]
                    subprocess.run(command, check=True)
                    if reference is None:
                        reference = out.rename(folder / f"{config}-reference.h5")
                        continue
                    diff = subprocess.run(["h5diff", "--exclude-path", "/provenance", reference, out], capture_output=True, text=True)
                    if diff.returncode != 0 or diff.stdout or diff.stderr:
                        sys.exit(f"{program}, {config}, {threads} threads: other bits\n{diff.stdout}{diff.stderr}")
                    compared += 1
    print(f"{compared} files, {len(programs)} builds, threads {THREADS}, configurations {list(CONFIGS)}: 0 differing bits")


if __name__ == "__main__":
    main(sys.argv[1:])
