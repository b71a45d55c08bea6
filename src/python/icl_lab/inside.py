"""One run from inside: weights, sequences, activations, and patches of them, at each snapshot."""

import importlib.util
import operator
from functools import cached_property
from pathlib import Path

import numpy as np

from . import numpy_model, sequences
from .read import BadInput, Run, attributes_of, settings_of

SHOWN = 12  # snapshots that a message names
KEPT = 2  # snapshots of a run that stay in memory once read


def open(path):
    """The run of this file; BadInput if it is none."""
    return OpenRun(path)


def open_all(folder):
    """The runs of a sweep's folder, in the order of the settings that differ between them: data.K comes before train.seed, 64 before 256."""
    folder = Path(folder)
    if not (folder / "runs").is_dir():
        raise BadInput(f"'{folder}' is no folder of a sweep: it has no runs/")
    runs = [OpenRun(path) for path in sorted(folder.glob("runs/*/*.h5"))]
    differ = [key for key in sorted({key for run in runs for key in run.settings}) if len({run.settings.get(key) for run in runs}) > 1]
    return sorted(runs, key=lambda run: [(key in run.settings, run.settings.get(key)) for key in differ])


class OpenRun(Run):
    """A run whose weights and sequences can be had. `step` counts updates; all that is computed here is in float64, in numpy."""

    @cached_property
    def settings(self):
        """Full key -> value, all resolved; .config has the same as nested dicts. `X` is none of them: the entries of a token, where /model has it."""
        return self._ask("the settings", settings_of)

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
        found = self._ask("/theory", lambda file: attributes_of(file["theory"]) if "theory" in file else None)
        if found is None:
            raise BadInput(f"'{self.path}' has no theory: {self.system} learns nothing in context")
        return found

    @property
    def snapshots(self):
        """The steps whose weights are there, ascending: those in the file, and those of add_snapshots."""
        return sorted({*self._in_file, *self._added})

    @cached_property
    def _in_file(self):
        return [int(step) for step in self._ask("/snapshots", lambda file: file["snapshots/step"][()])]

    @cached_property
    def _added(self):
        return {}  # step -> weights

    @cached_property
    def _kept(self):
        return {}  # step -> weights: the last that were asked for, the latest at the end

    def add_snapshots(self, steps):
        """The weights after any steps of the run, bit by bit: by icl export, which trains again from the nearest snapshots and holds itself to the record. They
        are kept in memory; the file stays as it is."""
        new = sorted({_whole(step) for step in steps} - set(self.snapshots))
        if new:
            with sequences.export(self.path, "--weights", ",".join(map(str, new))) as file:
                self._added.update((int(step), _weights(file["weights"], row)) for row, step in enumerate(file["weights/step"][()]))

    def weights(self, step):
        """Torch name -> float32 array, read-only. The two snapshots that were asked for last stay in memory."""
        step = _whole(step)
        if step in self._added:
            return self._added[step]
        if step not in self._in_file:
            some = ", ".join(str(s) for s in self.snapshots[:SHOWN])
            more = f" and {len(self.snapshots) - SHOWN} more, up to {self.snapshots[-1]}" if len(self.snapshots) > SHOWN else ""
            raise BadInput(f"'{self.path}' has no snapshot at step {step}; there are those at {some}{more}; add_snapshots([{step}]) trains again for it")
        found = self._kept.pop(step, None) or self._ask("/snapshots", lambda file: _weights(file["snapshots"], self._in_file.index(step)))
        while len(self._kept) >= KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[step] = found
        return found

    def model(self, step, dtype="float32"):
        """A torch.nn.Module in eval mode (torch_model.py says where its places for hooks are)."""
        weights = self.weights(step)
        if dtype not in ("float32", "float64"):
            raise BadInput(f"dtype = {dtype!r}: a model is made in \"float32\" or \"float64\"")
        if importlib.util.find_spec("torch") is None:
            raise BadInput("a model needs torch, which is not installed (on Debian: apt-get install python3-torch; elsewhere: pip install torch); "
                           "weights, forward, run_with_cache and run_with_hooks do without it")
        from . import torch_model  # pylint: disable=import-outside-toplevel
        return self._built(step, lambda: torch_model.load(self.settings, weights, getattr(torch_model.torch, dtype)))

    def numpy_model(self, step):
        """The same without torch, in float64: logits of a Batch, run_with_cache and run_with_hooks."""
        weights = self.weights(step)
        return self._built(step, lambda: numpy_model.Model(self.settings, weights))

    def _built(self, step, make):
        try:
            return make()
        except BadInput as error:
            raise BadInput(f"'{self.path}', step {step}: {error}") from None

    def forward(self, step, batch):
        """Logits [B] in numpy."""
        return self.numpy_model(step)(batch)

    def run_with_cache(self, step, batch, names_filter=None):
        """Logits, and the activations by the names of torch_model.py, in numpy."""
        return self.numpy_model(step).run_with_cache(batch, names_filter)

    def run_with_hooks(self, step, batch, fwd_hooks):
        """Logits where hooks, (name of a place, function(value, hook)), read or replace activations, in numpy."""
        return self.numpy_model(step).run_with_hooks(batch, fwd_hooks)

    def clamped(self, step):
        """What intervene.clamp made of attention in the evaluation after `step` updates, and in the last of these: "copy", "uniform", "none", or of heads
        "previous/0.2, none/1"; None if it was learned. (A model is what its weights are; icl_lab.clamp gives hooks that clamp it.)"""
        step, found = max(step - 1, 0), []
        for one in filter(None, self.settings.get("intervene.clamp", "").replace(" ", "").split(",")):
            how, _, steps = one.partition("@")
            first, _, last = steps.partition(":")
            if int(first or 0) <= step and (not last or step < int(last)):
                found.append(how)
        return ", ".join(found) or None

    def loader(self, kind, step=None):
        """The very sequences, as a Batch: of the evaluation after `step` updates ("icl", "iwl", or the name of one of eval.set), the batch that came then ("train"), or what the probes looked at
        then ("probe"). Of several steps, range(0, 100) or [0, 200, 400], batches one after another, made as they are asked for; kind and steps are looked at at once. By icl export: $ICL_PROGRAM, or icl of $PATH. "probe_set",
        without a step: the fixed sequences on which record.activations recorded."""
        if kind == "probe_set":
            part = self.probe_set
            return sequences.batch_of({name: part[name] for name in ("x", "label", "answer", "copy") if name in part}, ...)
        if step is None:
            raise BadInput(f"the sequences \"{kind}\" are those of a step: loader(\"{kind}\", step)")
        if np.ndim(step) == 0 and not isinstance(step, range):
            return next(sequences.batches(self, kind, [_whole(step)]))
        return sequences.batches(self, kind, [_whole(one) for one in step])


def _whole(step):
    try:
        if isinstance(step, (bool, np.bool_)):
            raise TypeError
        return operator.index(step)
    except TypeError:
        raise BadInput(f"a step is a whole number, and {step!r} is none") from None


def _weights(group, row):
    weights = {d.attrs["torch_name"].decode(): d[row] for d in group.values() if "torch_name" in d.attrs}
    for value in weights.values():
        value.setflags(write=False)  # they are kept for the next call
    return weights
