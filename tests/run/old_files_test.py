"""Files of format 2, which stand in format_2 beside this test, and what data/convert.py makes of them.

usage: old_files_test.py ICL
"""

import gzip
import os
import resource
import subprocess
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np
import xarray as xr

from reading import ICL, datasets, main, run, scalar


class OldFilesTest(unittest.TestCase):
    HERE = Path(__file__).resolve().parent
    CONVERT = HERE.parents[1] / "data" / "convert.py"

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="icl_readers_")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def pair(self, kind):
        old, new = self.folder / f"{kind}_old.h5", self.folder / f"{kind}.h5"
        old.write_bytes(gzip.decompress((self.HERE / "format_2" / f"{kind}.h5.gz").read_bytes()))
        run("/usr/bin/python3", self.CONVERT, old, new)
        return old, new

    def test_icl_says_what_to_do(self):
        old, _ = self.pair("run")
        done = subprocess.run([ICL, "info", old], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 65)
        self.assertIn("is an 'icl run file 2' of an earlier icl", done.stderr)
        self.assertIn("data/convert.py", done.stderr)

    def test_all_numbers_are_the_same_and_every_kind_shows_itself(self):
        for kind, group, signal in (("run", "metrics", "icl_accuracy"), ("sweep", "metrics", "icl_accuracy"),
                                    ("data", "items", "x"), ("landscape", "landscape", "loss")):
            old, new = self.pair(kind)
            with self.subTest(kind=kind), h5py.File(new) as file:
                self.assertIsInstance(file[group].attrs["title"], str)
                if "config" in file:
                    self.assertEqual(h5py.check_string_dtype(file["config/toml"].dtype).encoding, "ascii")
                before, after = datasets(old), datasets(new)
                self.assertLessEqual(set(before), set(after))
                for name, values in before.items():
                    self.assertEqual(values.tobytes(), after[name].tobytes(), name)
                self.assertEqual(file.attrs["format_version"], 3)
                self.assertEqual(file.attrs["default"], group)
                self.assertEqual(scalar(file[group].attrs["signal"]), signal)
                with xr.open_dataset(new, group=group) as data:
                    self.assertIn(signal, data)

    def test_a_converted_run_is_one(self):
        _, new = self.pair("run")
        self.assertRegex(run(ICL, "info", "--all", new), r"data.K +8\n")
        damaged = bytearray(new.read_bytes())
        damaged[3000] ^= 1
        new.write_bytes(damaged)
        self.assertEqual(subprocess.run([ICL, "info", new], capture_output=True, timeout=60, check=False).returncode, 65)

    def test_what_was_not_reached_is_not_a_number(self):
        old, new = self.pair("sweep")
        with h5py.File(old) as a, h5py.File(new) as b:
            before, after = a["runs"][:], b["runs"][:]
            np.testing.assert_array_equal(after["acquired"], 1 - before["censored"])
            np.testing.assert_array_equal(np.isnan(after["t_icl_step"]), before["censored"] == 1)
            np.testing.assert_array_equal(after["last_step"], before["steps"])
            np.testing.assert_array_equal(after["horizon"], 6)

    def test_what_is_damaged_or_no_old_file_is_refused(self):
        old, new = self.pair("run")
        old.write_bytes(old.read_bytes()[:-1])
        os.mkfifo(self.folder / "pipe")
        before = sorted(self.folder.iterdir())

        def small():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

        whole, out = self.pair("data")[0], self.folder / "out.h5"
        before = sorted(self.folder.iterdir())
        for path, to, part, limit in (
                (old, out, "does not match its hash", None), (new, out, "not a file of icl with format 2", None),
                (self.folder / "none.h5", out, "there is no such file", None), (self.folder / "pipe", out, "no regular file", None),
                (whole, new, "exists already", None), (whole, whole, "exists already", None),
                (whole, self.folder / "no" / "out.h5", "No such file or directory", None), (whole, out, "File too large", small)):
            with self.subTest(part):
                done = subprocess.run(["/usr/bin/python3", self.CONVERT, path, to], capture_output=True, text=True, timeout=60,
                                      check=False, preexec_fn=limit)
                self.assertEqual(done.returncode, 1)
                self.assertIn(part, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertEqual(sorted(self.folder.iterdir()), before)


if __name__ == "__main__":
    main()
