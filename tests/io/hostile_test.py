#!/usr/bin/python3
"""Files that were made to break a reader end in status 65 and one message, soon; nothing else happens.

usage: hostile_test.py ICL [unittest arguments]

hostile/crash.h5 and hostile/endless.h5: item tables over which libhdf5 1.10.8 dies of SIGSEGV and loops for ever.
"""

import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ICL = None
FILES = Path(__file__).parent / "hostile"
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
        return [ICL, "train", "items.toml", "--set", f'data.items="{items}"', "--out", "out.h5", "--quiet"]

    def expect_refused(self, items, finding):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(self.command(items), cwd=self.cwd, capture_output=True, text=True, timeout=60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.assertEqual(done.returncode, 65, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(finding, done.stderr)
        self.assertIn(str(items).split(":")[0], done.stderr)
        self.assertLess(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2)
        self.assertEqual(sorted(p.name for p in self.cwd.iterdir()), ["items.toml"])

    def test_crash(self):
        self.expect_refused(f"{FILES}/crash.h5:/train", "signal 11")

    def test_endless_loop(self):
        self.expect_refused(f"{FILES}/endless.h5:/train", "did not come to an end in 0.5 s of CPU time")

    def test_sigterm_while_it_loops(self):
        process = subprocess.Popen(self.command(f"{FILES}/endless.h5:/train"), cwd=self.cwd, stderr=subprocess.PIPE)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        self.assertIn(process.returncode, (65, 75))


if __name__ == "__main__":
    ICL = str(Path(sys.argv.pop(1)).resolve())
    unittest.main()
