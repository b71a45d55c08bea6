"""What the tests of files in other people's readers share: a command that must succeed, and what h5py finds in a file.

A test that imports this is called as NAME_test.py ICL [TEST...].
"""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from program import ICL, main  # noqa: E402, F401 (for the tests)


def run(*command):
    """Runs a command and returns its output; it must succeed and must not complain."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"{command}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def datasets(path):
    """All numeric datasets of a file, by h5py: name -> values."""
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "if":
            found["/" + name] = item[()]

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return found


def scalar(value):
    """An attribute as every reader means it: text, number or a list of several."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.ndarray):
        return scalar(value.tolist())
    if isinstance(value, list):
        return scalar(value[0]) if len(value) == 1 else [scalar(v) for v in value]  # as netCDF understands it
    return value.item() if isinstance(value, np.generic) else value
