"""The very sequences that a run drew. `icl export` is their one source; files that it writes here live no longer than the call."""

import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from .batch import Batch
from .read import BadInput

KINDS = {"icl": ("--evaluation", "icl_evaluation"), "iwl": ("--evaluation", "iwl_evaluation"),
         "train": ("--batch", "batches"), "probe": ("--probe", "probe")}


def kinds_of(run):
    """KINDS, and the evaluators of the run's own (eval.set)."""
    return KINDS | {name: ("--evaluation", f"{name}_evaluation") for name in own_kinds(run)}


def own_kinds(run):
    """Names of the evaluators of eval.set."""
    return [words.split()[0] for words in run.settings.get("eval.set", "").split(",") if words.strip()]


@contextmanager
def export(path, *options):
    """The opened file of icl export ($ICL_PROGRAM, or icl of $PATH), for a with statement. BadInput with its sentence if it refuses."""
    with tempfile.TemporaryDirectory(prefix="icl-lab-") as folder:
        data = Path(folder) / "data.h5"
        command = [os.environ.get("ICL_PROGRAM", "icl"), "export", str(path), *map(str, options), "--out", str(data)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            raise BadInput(f"this comes from icl export, and '{command[0]}' cannot be started ({error.strerror}): "
                           "set ICL_PROGRAM to the program, or put it into PATH") from None
        if done.returncode != 0:
            said = done.stderr.strip().splitlines()
            raise BadInput(said[-1].removeprefix("icl: ") if said else f"icl export ended with status {done.returncode}")
        with h5py.File(data) as file:
            yield file


def batch_of(group, row):
    """The batch of one step (row) of a group of an export, or of a group without steps (row = ...), without the places where the last batch of an epoch has no sequence."""
    if "y" in group:  # of regression
        y = group["y"][row]
        asked = np.arange(y.shape[-1]) == y.shape[-1] - 1
        return Batch(group["x"][row], np.where(asked, 0, y).astype(y.dtype), y[..., -1], None, group["task"][row])
    there = group["answer"][row] != 0
    context = group["copy"][row][there] != 0 if "copy" in group else np.zeros((int(there.sum()), 0), dtype=bool)
    copy = np.concatenate([context, np.zeros((len(context), 1), dtype=bool)], axis=1)
    item = group["item"][row][there] if "item" in group else None
    shift = group["shift"][row][there] if "shift" in group else None
    label = group["label"][row][there] if "label" in group else np.zeros(group["x"][row][there].shape[:-1], dtype=np.int32)  # symbols have none
    return Batch(group["x"][row][there], label, group["answer"][row][there], copy, item, shift)


def batches(run, kind, steps, at_once=64 << 20):
    """An iterator over a batch for each of the steps, in their order; exported together, so many that their items take about `at_once` bytes. BadInput at once if
    there are no such sequences."""
    if kind not in kinds_of(run):
        raise BadInput(f"there are no sequences \"{kind}\"; there are {', '.join(kinds_of(run))}, probe_set")
    if kind == "icl" and run.system == "memoriser":
        raise BadInput(f"'{run.path}' has no ICL sequences: {run.system} learns nothing in context")
    if kind == "iwl" and np.isinf(run.settings["data.K"]):
        raise BadInput(f"'{run.path}' has no IWL sequences: all items are fresh where data.K is infinite")
    if kind != "train" and (wrong := sorted(set(steps) - set(map(int, run.steps)))):
        raise BadInput(f"'{run.path}' has no {kind} sequences of step {wrong[0]}: the run was not evaluated at that step (but at those of /metrics/step)")
    if min(steps, default=0) < 0:
        raise BadInput(f"'{run.path}' has no batch of step {min(steps)}: steps count from 0")
    return _exported(run, kind, steps, at_once)


def _exported(run, kind, steps, at_once):
    option, group = kinds_of(run)[kind]
    size = run.settings["train.batch_size" if kind == "train" else "eval.sequences"] * run.settings["data.N"] * run.settings["data.D"] * 4
    share = max(1, int(at_once // size))
    for first in range(0, len(steps), share):
        asked = sorted(set(steps[first : first + share]))
        with export(run.path, option, ",".join(map(str, asked))) as file:
            rows = {int(step): row for row, step in enumerate(file[group]["step"][()])}
            for step in steps[first : first + share]:
                yield batch_of(file[group], rows[step])
