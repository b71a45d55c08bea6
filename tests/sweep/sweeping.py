"""What the tests of sweeps share: a configuration sweep.toml of 6 runs, and what stands in a sweep's folder.

A test that imports this is called as NAME_test.py ICL [TEST...].
"""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from program import ICL, differences, main  # noqa: E402, F401 (for the tests)

BASE = """
[model]
hidden = 16
[data]
N = 8
D = 9
[train]
epochs = 4
steps_per_epoch = 10
batch_size = 8
learning_rate = 0.1
[eval]
sequences = 40
"""
SMALL = BASE + """
[sweep]
seeds = 2
[sweep.axes]
data.K = [24, 48, "inf"]
[scale.smoke]
seeds = 1
axes.data.K = [24]
"""


class SweepingTest(unittest.TestCase):
    def setUp(self):
        self.cwd = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="icl-sweep-")))
        self.write(SMALL)

    def write(self, text, name="sweep.toml"):
        (self.cwd / name).write_text(text)

    def icl(self, *args, **kwargs):
        return subprocess.run([ICL, *map(str, args)], cwd=self.cwd, capture_output=True, text=True, timeout=300, **kwargs)

    def start(self, *args):
        return subprocess.Popen([ICL, *map(str, args)], cwd=self.cwd, stderr=subprocess.PIPE, text=True)

    def ok(self, *args, **kwargs):
        result = self.icl(*args, **kwargs)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def sweep(self, out, *args, **kwargs):
        return self.ok("sweep", "sweep.toml", "--out", out, "--quiet", *args, **kwargs)

    def fails(self, code, part, *args):
        before = self.files()
        result = self.icl(*args)
        self.assertEqual(result.returncode, code, f"{args}: {result.stderr}")
        self.assertIn(part, result.stderr)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, f"one message: {result.stderr}")
        self.assertEqual(before, self.files(), "a failing command must create and change nothing")

    def files(self, under="."):
        return {p.relative_to(self.cwd): p.read_bytes() for p in (self.cwd / under).rglob("*") if p.is_file()}

    def run_files(self, out):
        return sorted((self.cwd / out / "runs").rglob("*.h5"))

    def counts(self, out):
        return json.loads(self.ok("status", out, "--json").stdout)["counts"]

    def merged(self, out):
        self.ok("merge", out, "--out", f"{out}.h5", "--force")
        return self.cwd / f"{out}.h5"

    def assert_same(self, a, b):
        self.assertEqual(differences(a, b), "")
