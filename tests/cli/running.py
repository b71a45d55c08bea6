"""What the tests of messages, terminals and signals share: the program as a process whose streams and signals are the test's.

A test that imports this is called as NAME_test.py ICL [TEST...].
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from program import ICL, differences, main  # noqa: E402, F401 (for the tests)

TINY = """
[data]
K = 24
N = 8
D = 9
[model]
hidden = 16
[train]
epochs = 2
steps_per_epoch = 10
batch_size = 8
[eval]
sequences = 40
[probe]
sequences = 0
"""
SWEEP = TINY + "[sweep]\nseeds = 2\n"
ENDLESS = ["--set", "train.epochs=400000000", "--set", "record.publish_seconds=0.05"]


def fill(descriptor):
    os.set_blocking(descriptor, False)
    try:
        while True:
            os.write(descriptor, b"x" * 256)
    except BlockingIOError:
        os.set_blocking(descriptor, True)


class RunningTest(unittest.TestCase):
    def setUp(self):
        self.cwd = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="icl-messages-")))
        (self.cwd / "tiny.toml").write_text(TINY)
        (self.cwd / "sweep.toml").write_text(SWEEP)

    @staticmethod
    def command(args):
        trains = args and args[0] in ("train", "verify", "branch") and "--threads" not in args
        return [ICL, *map(str, args), *(["--threads", "1"] if trains and args[1:] != ("--help",) else [])]

    def icl(self, *args, **kwargs):
        kwargs = {"cwd": self.cwd, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 60} | kwargs
        return subprocess.run(self.command(args), **kwargs)

    def start(self, *args, **kwargs):
        kwargs = {"cwd": self.cwd, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | kwargs
        return subprocess.Popen(self.command(args), **kwargs)

    def shell(self, command, **kwargs):
        return subprocess.run(["bash", "-c", command.replace("icl", shlex.quote(ICL))], cwd=self.cwd, capture_output=True, text=True,
                              timeout=60, **kwargs)

    def ok(self, *args, **kwargs):
        result = self.icl(*args, **kwargs)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def wait_until(self, condition, what, seconds=30):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.005)

    def locks(self):
        return sorted(p.name for p in self.cwd.rglob("*.lock"))

    def left(self):
        """Files beside the configurations."""
        return sorted(p.name for p in self.cwd.iterdir() if p.suffix != ".toml")

    def step(self, name):
        return int(re.search(rb'step"?[ =:]+(\d+)', self.ok("info", name, "--json").stdout).group(1))
