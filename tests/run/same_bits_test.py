#!/usr/bin/python3
"""Equal configurations give equal files but for /provenance, whatever the thread count and the memory layout.

usage: same_bits_test.py ICL [unittest arguments]
"""

import ctypes
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py

ICL = None
THREADS = (1, 2, 4)
# Sizes that divide into no tile; both kinds of task.
CONFIG = """
[model]
hidden = 88
[data]
N = 9
D = 21
[train]
epochs = 3
steps_per_epoch = 40
batch_size = 72
learning_rate = 0.2
[eval]
sequences = 333
[record]
snapshots = 5
"""


def turn_address_randomisation_on():
    """For this process and its children, in case a parent (a debugger, setarch -R) has turned it off."""
    libc = ctypes.CDLL(None, use_errno=True)
    addr_no_randomize, query = 0x0040000, 0xFFFFFFFF
    libc.personality(libc.personality(query) & ~addr_no_randomize)


def h5diff(*arguments):
    done = subprocess.run(["h5diff", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


class SameBitsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="icl_same_bits_")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.config = self.folder / "small.toml"
        self.config.write_text(CONFIG)

    def train(self, name, threads, *settings, variables=None):
        path = self.folder / f"{name}.h5"
        words = [word for setting in settings for word in ("--set", setting)]
        done = subprocess.run([ICL, "train", self.config, *words, "--threads", str(threads), "--quiet", "--out", path],
                              capture_output=True, text=True, timeout=120, check=False,
                              env=os.environ | (variables or {}))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return path

    def assert_same(self, one, other):
        self.assertEqual(h5diff("--exclude-path", "/provenance", one, other), (0, ""), f"{one.name}, {other.name}")

    def test_two_runs_at_each_thread_count_agree(self):
        for K in ("64", "inf"):
            with self.subTest(K=K):
                first, *others = [self.train(f"K{K}_{threads}_{repeat}", threads, f"data.K={K}")
                                  for threads, repeat in itertools.product(THREADS, (1, 2))]
                for other in others:
                    self.assert_same(first, other)

    def test_openmp_settings_change_nothing(self):
        """Products large enough that OpenBLAS would split them, if it were let."""
        large = ("data.K=64", "model.hidden=512", "train.batch_size=128", "train.epochs=1", "train.steps_per_epoch=20",
                 "eval.sequences=200")
        first = self.train("first", 1, *large, variables={"OMP_NUM_THREADS": "1"})
        for threads, variables in ((1, {"OMP_NUM_THREADS": "2"}), (1, {"OMP_NUM_THREADS": "8"}), (2, {}),
                                   (3, {"OMP_NUM_THREADS": "8"}), (4, {"OMP_THREAD_LIMIT": "1"}),
                                   (4, {"OMP_DYNAMIC": "true", "OMP_WAIT_POLICY": "active"}),
                                   (2, {"OMP_PROC_BIND": "true", "OMP_NUM_THREADS": "2"}),
                                   (2, {"OMP_PLACES": "cores", "OMP_WAIT_POLICY": "passive"})):
            with self.subTest(threads=threads, **variables):
                name = "_".join([str(threads), *variables.values()])
                self.assert_same(first, self.train(name, threads, *large, variables=variables))

    def test_the_comparison_finds_what_differs(self):
        original = self.train("original", 1, "data.K=64", "train.epochs=1")

        def nudge(file):
            file["metrics/icl_loss"][1] *= 1 + 2**-52

        def nudge_weight(file):
            file["snapshots/qkv.weight"][-1, 3, 4] += 1e-6

        def rename_status(file):
            file.attrs["status"] = "diverged"

        def shorten(file):
            values = file["metrics/icl_loss"][:-1]
            del file["metrics/icl_loss"]
            file["metrics/icl_loss"] = values

        for change in (nudge, nudge_weight, rename_status, shorten):
            with self.subTest(change=change.__name__):
                copy = self.folder / "copy.h5"
                shutil.copy(original, copy)
                self.assert_same(original, copy)
                with h5py.File(copy, "r+") as file:
                    change(file)
                self.assertNotEqual(h5diff("-r", "--exclude-path", "/provenance", original, copy), (0, ""))

    def test_another_seed_gives_other_bits(self):
        one, other = (self.train(f"seed{seed}", 2, "data.K=64", "train.epochs=1", f"train.seed={seed}")
                      for seed in (0, 1))
        self.assertEqual(h5diff("--exclude-path", "/provenance", one, other)[0], 1)


if __name__ == "__main__":
    if len(sys.argv) < 2 or not Path(sys.argv[1]).is_file():
        sys.exit(__doc__.strip())
    ICL = Path(sys.argv.pop(1)).resolve()
    turn_address_randomisation_on()
    unittest.main()
