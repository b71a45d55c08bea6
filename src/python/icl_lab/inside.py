"""One run from inside: weights, sequences, activations, and patches of them, at each snapshot."""

import importlib.util
import os
import subprocess
import tempfile
from functools import cached_property, lru_cache
from pathlib import Path

import h5py
import numpy as np

from . import numpy_model
from .read import BadInput, Run

SHOWN = 12  # snapshots that a message names

PARTS = {"icl": ("--evaluation", "icl_evaluation"), "iwl": ("--evaluation", "iwl_evaluation"),
         "train": ("--batch", "batches"), "probe": ("--probe", "probe")}


def open(path):
    """The run of this file; BadInput if it is none."""
    return OpenRun(path)


class OpenRun(Run):
    """A run whose weights and sequences can be had. `step` counts updates; all that is computed here is in float64, in numpy."""

    @cached_property
    def settings(self):
        """Full key -> value, all resolved; .config has the same as nested dicts."""
        attributes = self._ask("the settings", lambda file: dict(file["config"].attrs))
        return {key: value.decode() if isinstance(value, bytes) else value for key, value in attributes.items()}

    @property
    def system(self):
        return self.settings["model.system"]

    @cached_property
    def metrics(self):
        """All series: a pandas DataFrame with the steps as index if pandas is there, otherwise a dict of arrays, `step` among them."""
        series = self._ask("/metrics", lambda file: {name: d[()] for name, d in file["metrics"].items()})
        if importlib.util.find_spec("pandas") is None:
            return series
        import pandas  # pylint: disable=import-outside-toplevel
        return pandas.DataFrame(series).set_index("step")

    @property
    def t_icl(self):
        """The first evaluation with ICL accuracy above 0.95, as a step; None if there was none."""
        step = self.attribute("metrics", "t_icl_step")
        return None if step is None else int(step)

    @property
    def acquired(self):
        return self.t_icl is not None

    @cached_property
    def theory(self):
        """What /theory says, by name."""
        found = self._ask("/theory", lambda file: dict(file["theory"].attrs) if "theory" in file else None)
        if found is None:
            raise BadInput(f"'{self.path}' has no theory: {self.system} learns nothing in context")
        return {name: value.decode() if isinstance(value, bytes) else value for name, value in found.items()}

    @cached_property
    def snapshots(self):
        """The steps whose weights are in the file, ascending."""
        return [int(step) for step in self._ask("/snapshots", lambda file: file["snapshots/step"][()])]

    @lru_cache(maxsize=2)
    def weights(self, step):
        """Torch name -> float32 array, read-only."""
        if step not in self.snapshots:
            some = ", ".join(str(s) for s in self.snapshots[:SHOWN])
            more = f" and {len(self.snapshots) - SHOWN} more, up to {self.snapshots[-1]}" if len(self.snapshots) > SHOWN else ""
            raise BadInput(f"'{self.path}' has no snapshot at step {step}; there are those at {some}{more}")
        row = self.snapshots.index(step)
        weights = self._ask("/snapshots", lambda file: {d.attrs["torch_name"].decode(): d[row] for d in file["snapshots"].values() if "torch_name" in d.attrs})
        for value in weights.values():
            value.setflags(write=False)  # they are kept for the next call
        return weights

    def model(self, step, dtype="float32"):
        """A torch.nn.Module in eval mode (torch_model.py says where its places for hooks are)."""
        weights = self.weights(step)
        if dtype not in ("float32", "float64"):
            raise BadInput(f"dtype = {dtype!r}: a model is made in \"float32\" or \"float64\"")
        if importlib.util.find_spec("torch") is None:
            raise BadInput("a model needs torch, which is not installed (on Debian: apt-get install python3-torch); weights, forward, run_with_cache and run_with_hooks do without it")
        from . import torch_model  # pylint: disable=import-outside-toplevel
        try:
            return torch_model.load(self.settings, weights, getattr(torch_model.torch, dtype))
        except ValueError as error:
            raise BadInput(f"'{self.path}', step {step}: {error}") from None

    def logits_by_torch(self, step, x, label):
        """What model(step, "float64") gives, as numpy."""
        model = self.model(step, "float64")
        from .torch_model import torch  # pylint: disable=import-outside-toplevel
        with torch.no_grad():
            return model(torch.from_numpy(np.asarray(x, dtype=float)), torch.from_numpy(np.asarray(label))).numpy()

    def forward(self, step, x, label):
        """Logits [B] of items [B, N, D] and labels [B, N], the target last, with label 0."""
        return self._forward(step, x, label, lambda name, value: value)

    def run_with_cache(self, step, x, label):
        """Logits, and the activations by the names of torch_model.py."""
        cache = {}

        def keep(name, value):
            cache[name] = value
            return value

        return self._forward(step, x, label, keep), cache

    def run_with_hooks(self, step, x, label, hooks):
        """Logits where hooks, a list of (name of a place, function(value, name)), see activations in turn; what a function gives, unless None, replaces the value."""
        _, places = self.run_with_cache(step, np.asarray(x)[:1], np.asarray(label)[:1])
        for name, _ in hooks:
            if name not in places:
                raise BadInput(f"{self.system} has no place '{name}'; there are {', '.join(places)}")

        def patch(name, value):
            for place, function in hooks:
                given = function(value, name) if place == name else None
                if given is not None and np.shape(given) != value.shape:
                    raise BadInput(f"what the hook of '{name}' gives is {np.shape(given)}, and {value.shape} is expected")
                value = value if given is None else given
            return value

        return self._forward(step, x, label, patch)

    def _forward(self, step, x, label, at):
        weights, x, label = self.weights(step), np.asarray(x), np.asarray(label)
        if x.ndim != 3 or x.shape[-1] != self.settings["data.D"] or label.shape != x.shape[:2]:
            raise BadInput(f"x is {x.shape} and labels are {label.shape}, where [B, N, {self.settings['data.D']}] and [B, N] are expected")
        return numpy_model.forward(self.settings, weights, x, label, at)

    def sequences(self, kind, step):
        """x [B, N, D], label [B, N], answer [B]: the very sequences of the evaluation after `step` updates ("icl", "iwl"), of the batch that
        came then ("train"), or of the probes then ("probe"). By icl export, as $ICL_PROGRAM or icl of $PATH."""
        if kind not in PARTS:
            raise BadInput(f"there are no sequences \"{kind}\"; there are {', '.join(PARTS)}")
        option, group = PARTS[kind]
        with tempfile.TemporaryDirectory(prefix="icl-lab-") as folder:
            data = Path(folder) / "data.h5"
            command = [os.environ.get("ICL_PROGRAM", "icl"), "export", str(self.path), option, str(step), "--out", str(data)]
            try:
                done = subprocess.run(command, capture_output=True, text=True, check=False)
            except OSError as error:
                raise BadInput(f"sequences come from icl export, and '{command[0]}' cannot be started ({error.strerror}): set ICL_PROGRAM to the program, or put it into PATH") from None
            if done.returncode != 0:
                said = done.stderr.strip().splitlines()
                raise BadInput(said[-1].removeprefix("icl: ") if said else f"icl export ended with status {done.returncode}")
            with h5py.File(data) as file:
                if group not in file:
                    raise BadInput(f"'{self.path}' has no {kind.upper()} sequences: {self.system} learns nothing in context")
                return tuple(file[group][name][0] for name in ("x", "label", "answer"))
