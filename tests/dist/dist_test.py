#!/usr/bin/python3
"""The archive of `make dist` in an otherwise empty root folder: it must run with glibc alone.

usage: dist_test.py ARCHIVE          (needs root, for chroot)

The root holds what the archive holds, /proc, /dev, /tmp and the C library's own files: no other library.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

GLIBC = {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"}
TOML = """
[model]
hidden = 32
[data]
K = 64
N = 8
[train]
epochs = 3
steps_per_epoch = 10
[sweep]
seeds = 4
"""
SCRIPT = """
set -e
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
inside() { chroot "$1" "${@:2}"; }
inside "$1" /icl/bin/icl --version
inside "$1" /icl/bin/icl sweep /run.toml --out /sweep --jobs 2 --quiet
inside "$1" /icl/bin/icl merge /sweep --out /sweep.h5
inside "$1" /icl/bin/icl status /sweep
sed '/sweep/,$d' "$1/run.toml" > "$1/one.toml"
inside "$1" /icl/bin/icl train /one.toml --out /run.h5 --quiet --set train.seed=3 --set record.snapshots=0
inside "$1" /icl/bin/icl verify /run.h5 --quiet
inside "$1" /icl/bin/icl bench --seconds 0.2 --set data.K=1000
"""


def needed(program):
    """The libraries that the program asks the dynamic linker for."""
    shown = subprocess.run(["readelf", "--dynamic", program], capture_output=True, text=True, check=True).stdout
    return {line.split("[")[1].rstrip("]") for line in shown.splitlines() if "(NEEDED)" in line}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if os.geteuid() != 0:
        sys.exit("dist_test: needs root, for chroot")
    with tempfile.TemporaryDirectory(prefix="icl-dist-") as folder:
        root = Path(folder)
        subprocess.run(["tar", "-C", root, "-xJf", sys.argv[1]], check=True)
        (extracted,) = root.iterdir()
        extracted.rename(root / "icl")
        program = root / "icl/bin/icl"
        if not needed(program) <= GLIBC:
            sys.exit(f"dist_test: needs {sorted(needed(program) - GLIBC)}")
        for place in "proc", "dev", "tmp", "lib64", "lib/x86_64-linux-gnu":
            (root / place).mkdir(parents=True)
        shutil.copy("/lib64/ld-linux-x86-64.so.2", root / "lib64")
        for library in "libc.so.6", "libm.so.6":
            shutil.copy(f"/lib/x86_64-linux-gnu/{library}", root / "lib/x86_64-linux-gnu")
        (root / "run.toml").write_text(TOML)
        # In a mount namespace of its own, so that nothing stays mounted.
        result = subprocess.run(["unshare", "--mount", "bash", "-c", SCRIPT, "bash", root], capture_output=True, text=True)
        if result.returncode != 0 or "identical" not in result.stdout or "4 done" not in result.stdout:
            sys.exit(f"dist_test: status {result.returncode}\n{result.stdout}{result.stderr}")
        print(f"dist_test: runs with {', '.join(sorted(needed(program)))} alone")


if __name__ == "__main__":
    main()
