"""What the tests of a user's first commands share: a configuration tiny.toml of 60 steps, and commands that must fail without a trace.

A test that imports this is called as NAME_test.py ICL [TEST...].
"""

import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from program import ICL, differences, main  # noqa: E402, F401 (for the tests)

TINY = """
[model]
hidden = 16
[data]
K = 24
N = 8
D = 9
[train]
epochs = 6
steps_per_epoch = 10
batch_size = 8
learning_rate = 0.1
[eval]
sequences = 40
[probe]
sequences = 0
[record]
snapshots = 4
"""
ENDLESS = ["--set", "train.epochs=400000000", "--set", "record.publish_seconds=0.05"]


class TinyTest(unittest.TestCase):
    def setUp(self):
        self.cwd = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="icl-cli-")))
        (self.cwd / "tiny.toml").write_text(TINY)

    def icl(self, *args, **kwargs):
        return subprocess.run([ICL, *map(str, args)], cwd=self.cwd, capture_output=True, text=True, timeout=120, **kwargs)

    def start(self, *args):
        return subprocess.Popen([ICL, *map(str, args)], cwd=self.cwd, stderr=subprocess.PIPE, text=True)

    def wait_for(self, name, seconds=30):
        """Until a run has published its file."""
        end = time.monotonic() + seconds
        while not (self.cwd / name).exists():
            self.assertLess(time.monotonic(), end, f"{name} did not appear")
            time.sleep(0.005)

    def ok(self, *args, **kwargs):
        result = self.icl(*args, **kwargs)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def fails(self, code, part, *args, **kwargs):
        before = {p.name: p.read_bytes() for p in self.cwd.iterdir() if p.is_file()}
        result = self.icl(*args, **kwargs)
        self.assertEqual(result.returncode, code, f"{args}: {result.stderr}")
        self.assertIn(part, result.stderr)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, f"one message: {result.stderr}")
        self.assertTrue(result.stderr.startswith("icl: "), result.stderr)
        after = {p.name: p.read_bytes() for p in self.cwd.iterdir() if p.is_file()}
        self.assertEqual(before, after, "a failing command must create and change nothing")
        return result
