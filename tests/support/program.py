"""What tests of the command line share: the program in a temporary folder, and settings of a tiny run.

A test that imports this is called as NAME_test.py ICL [TEST...].
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ICL = os.path.abspath(sys.argv[1])
TINY = """
[model]
hidden = 8
[data]
K = 64
N = 8
D = 7
[train]
epochs = {epochs}
steps_per_epoch = {steps_per_epoch}
batch_size = 4
[eval]
sequences = 40
[probe]
sequences = 16
"""


def icl(folder, *args, **kwargs):
    """What became of the program, started in this folder."""
    return subprocess.run([ICL, *map(str, args)], cwd=folder, capture_output=True, text=True, timeout=120, check=False, **kwargs)


def differences(path, other):
    """What h5diff says of two files outside of /provenance; nothing when they are equal."""
    result = subprocess.run(["h5diff", "--exclude-path", "/provenance", path, other], capture_output=True, text=True, check=False)
    return (result.stdout + result.stderr).strip() if result.returncode == 0 else f"status {result.returncode}: {result.stdout}"


def _keys(word):
    return " ".join(icl(None, "keys", word).stdout.split())


def tasks():
    """The words of data.task."""
    return re.search(r"data\.task not set ([\w, ]+?\w)\s(?=What)", _keys("data.task"))[1].split(", ")


def observers_of_tasks():
    """By the word of a task, the names of its ideal observers."""
    return {task: names.split(", ") for task, names in re.findall(r"; of (\w+): ([\w, ]+)", _keys("record.observers"))}


class ProgramTest(unittest.TestCase):
    """self.cwd is a folder of the test, or of the class where that calls share_a_folder in its setUpClass."""

    cwd = None

    @classmethod
    def share_a_folder(cls):
        cls.cwd = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="icl-test-")))

    def setUp(self):
        if self.cwd is None:
            self.cwd = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="icl-test-")))

    def icl(self, *args, status=0, **kwargs):
        """What the program, started in self.cwd, wrote; it must end with this status."""
        done = icl(self.cwd, *args, **kwargs)
        self.assertEqual(done.returncode, status, f"{args}: {done.stdout}{done.stderr}")
        return done


def main():
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
