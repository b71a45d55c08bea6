#!/usr/bin/python3
"""Files that were made to break a reader end in status 65 and one message, soon; nothing else happens.

usage: hostile_test.py ICL [unittest arguments]

foreign/crash.h5 and foreign/endless.h5: item tables over which libhdf5 1.10.8 dies of SIGSEGV and loops for ever.
foreign/newer.h5: what HDF5 2.0 writes with libver = ("latest", "latest"), by h5wasm 0.10.3: /x [100, 3] in gzipped chunks of
10 rows, and the same values as /y in one block; sin(1.7 i) as float32.
"""

import itertools
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import h5py
import numpy as np

ICL = None
FILES = Path(__file__).parent / "foreign"
CRASH = ("signal 11", "cannot look it up (HDF5: addr undefined")  # libhdf5 1.10 dies of it, 1.14 finds what is wrong
CONFIG = """
[model]
hidden = 4
[data]
N = 4
K = 8
D = 3
[train]
epochs = 2
steps_per_epoch = 5
batch_size = 4
[eval]
sequences = 8
[probe]
sequences = 8
"""


class HostileTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="icl-hostile-")
        self.cwd = Path(self.folder.name)
        (self.cwd / "items.toml").write_text(CONFIG)

    def tearDown(self):
        self.folder.cleanup()

    def command(self, items):
        return [ICL, "train", "items.toml", "--set", f'data.items="{items}"', "--out", "out.h5", "--quiet",
                "--threads", "1"]

    def expect_refused(self, items, finding, beside=(), **started):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(self.command(items), cwd=self.cwd, capture_output=True, text=True, timeout=60,
                              **started)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.assertEqual(done.returncode, 65, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertTrue(any(one in done.stderr for one in ([finding] if isinstance(finding, str) else finding)), done.stderr)
        self.assertIn(str(items).split(":")[0], done.stderr)
        self.assertLess(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2)
        self.assertEqual(sorted(p.name for p in self.cwd.iterdir()), sorted(["items.toml", *beside]))

    def test_crash(self):
        self.expect_refused(f"{FILES}/crash.h5:/train", CRASH)

    def test_crash_where_the_ends_of_children_are_ignored(self):
        self.expect_refused(f"{FILES}/crash.h5:/train", CRASH,
                            preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))

    def test_endless_loop(self):
        self.expect_refused(f"{FILES}/endless.h5:/train", "did not come to an end in 0.5 s of CPU time")

    def test_sigterm_while_it_loops(self):
        process = subprocess.Popen(self.command(f"{FILES}/endless.h5:/train"), cwd=self.cwd, stderr=subprocess.PIPE)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        self.assertIn(process.returncode, (65, 75))

    def test_newer_hdf5(self):
        self.expect_refused(f"{FILES}/newer.h5:/x", 'libver=("earliest", "v110")')
        # The advice is taken by h5py, and what it writes is read.
        with h5py.File(self.cwd / "older.h5", "w", libver=("earliest", "v110")) as file:
            values = np.sin(np.arange(300) * 1.7).reshape(100, 3)
            file.create_dataset("x", data=values.astype("f4"), chunks=(10, 3), compression="gzip")
        hashes = set()
        for items in (f"{FILES}/newer.h5:/y", "older.h5:/x"):
            subprocess.run([*self.command(items), "--force"], cwd=self.cwd, check=True)
            with h5py.File(self.cwd / "out.h5") as file:
                hashes.add(file["config"].attrs["items_xxh128"])
        self.assertEqual(len(hashes), 1)

    def test_lzf_by_name(self):
        with h5py.File(self.cwd / "lzf.h5", "w") as file:
            file.create_dataset("x", data=np.ones((10, 3)), compression="lzf")
        self.expect_refused("lzf.h5:/x", "lzf (HDF5's filter 32000)", ["lzf.h5"])

    def test_what_h5py_writes(self):
        """Chunks, filters and types of all kinds give the items that a plain table of float32 gives."""
        values = np.random.default_rng(0).integers(0, 2, size=(40, 3))
        labels = np.arange(40) % 2
        kinds = [{"dtype": t} for t in ("f2", ">f2", "f4", ">f4", "f8", ">f8", "i1", "u2", ">i4", "u8", "?")]
        kinds += [
            {"dtype": "f4", "chunks": (7, 2), "compression": "gzip", "shuffle": True, "fletcher32": True},
            {"dtype": "f8", "chunks": (64, 3), "maxshape": (None, 3), "compression": 9},
            {"dtype": "i2", "chunks": (5, 3), "shuffle": True},
            {"dtype": "f4", "chunks": (5, 3), "fletcher32": True},
        ]
        hashes = set()
        for kind, libver in itertools.product(kinds, ("earliest", "latest")):
            label_type = {"?": "?", "f8": "f8", "f2": "f2"}.get(kind["dtype"], "i8")
            with h5py.File(self.cwd / "items.h5", "w", libver=libver) as file:
                file.create_dataset("x", data=values, **kind)
                file.create_dataset("x_labels", data=labels.astype(label_type))
            subprocess.run([*self.command("items.h5:/x"), "--force"], cwd=self.cwd, check=True)
            with h5py.File(self.cwd / "out.h5") as file:
                hashes.add(file["config"].attrs["items_xxh128"])
        self.assertEqual(len(hashes), 1)

    def test_a_small_table_of_a_large_file_is_cheap(self):
        """The file is sparse, but the program does not know that."""
        with h5py.File(self.cwd / "large.h5", "w") as file:
            file["x"] = np.random.default_rng(0).normal(size=(100, 3))
            file.create_dataset("huge", shape=(350_000_000,), dtype="f8")[-1] = 1
        self.assertGreater((self.cwd / "large.h5").stat().st_size, 2_800_000_000)
        code = ("import os, resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
                "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        done = subprocess.run([sys.executable, "-c", code, *self.command("large.h5:/x")], cwd=self.cwd, check=True,
                              stdout=subprocess.PIPE, text=True)
        self.assertLess(int(done.stdout), 100_000)


if __name__ == "__main__":
    ICL = str(Path(sys.argv.pop(1)).resolve())
    unittest.main()
