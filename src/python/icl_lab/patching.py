"""patch(model, clean, corrupted, places): what activations of one run do in another; clamp: attention made what it is told to be."""

from dataclasses import dataclass

import numpy as np

from .numpy_model import blocks_shape
from .read import BadInput


@dataclass(frozen=True, eq=False)
class Patched:
    """Logits [B] of the model on the clean sequences, on the corrupted ones, and on these with the activations of the clean ones at some places."""

    clean: np.ndarray
    corrupted: np.ndarray
    patched: np.ndarray

    @property
    def recovered(self):
        """How far the patch takes the logits back: 0 leaves them as corrupted, 1 makes them clean; the least-squares share, sum(dp dc) / sum(dc^2) with
        dp = patched - corrupted, dc = clean - corrupted. NaN if nothing was corrupted."""
        way = self.clean - self.corrupted
        return float((self.patched - self.corrupted) @ way / (way @ way)) if np.any(way) else float("nan")


def patch(model, clean, corrupted, places, source=None):
    """Runs the model on `corrupted`, a Batch, with what stands at the places on `clean`, taken all at once.

    places: a name as in torch_model.py, or several in a list, where (name, index) replaces a part alone: ("blocks.0.attn.hook_pattern", np.s_[:, -1]).
    source: the model whose activations on `clean` are put in, if it is another one: of another run, or of another step.
    """
    source = source or model
    wanted = [(place, ...) if isinstance(place, str) else place for place in ([places] if isinstance(places, str) else places)]
    clean_logits, _ = model.run_with_cache(clean, [])
    _, cache = source.run_with_cache(clean, [name for name, _ in wanted])
    corrupted_logits, own = model.run_with_cache(corrupted, [name for name, _ in wanted])
    for name, _ in wanted:
        if cache[name].shape != own[name].shape:
            raise BadInput(f"'{name}' is {tuple(cache[name].shape)} where it is taken, and {tuple(own[name].shape)} where it is put")
    hooks = [(name, lambda value, hook, index=index: _replaced(value, index, cache[hook.name][index])) for name, index in wanted]
    return Patched(as_array(clean_logits), as_array(corrupted_logits), as_array(model.run_with_hooks(corrupted, hooks)))


def clamp(config, how, batch):
    """Hooks for run_with_hooks that clamp the target's attention, in the last layer, as intervene.clamp and the lesions of a run do: "copy", equally to the copies
    of the target, to nothing where there is none; "uniform", equally to all that it may attend to; "none", to nothing. They are for this batch: on one of another
    size they raise BadInput."""
    if config["model.system"] == "memoriser":
        raise BadInput("memoriser has no attention to clamp")
    if how not in ("copy", "uniform", "none"):
        raise BadInput(f"attention cannot be clamped to \"{how}\": there are copy, uniform, none")

    interleaved = config.get("data.layout") == "interleaved"
    expected = len(batch), np.shape(batch.label)[1] - (config["model.system"] == "minimal" and not config["model.attend_self"])
    if interleaved:
        expected = len(batch), 2 * expected[1] - 1

    def hook(value, hook):
        if (value.shape[0], value.shape[-1]) != expected:
            raise BadInput(f"these hooks clamp attention of {expected[0]} sequences to {expected[1]} tokens, those of the batch that clamp was given, "
                           f"and '{hook.name}' is {tuple(value.shape)}: make them for the batch that is run")
        last = np.zeros(expected)
        if how == "uniform":
            last[:] = 1 / last.shape[1]
        elif how == "copy":
            copies = batch.known("copy")[:, : expected[1]]
            copies = copies / np.maximum(copies.sum(1, keepdims=True), 1)
            if interleaved:  # where a copy's label stands
                last[:, 1::2] = copies[:, : expected[1] // 2]
            else:
                last = copies
        index = {2: ..., 3: np.s_[:, -1], 4: np.s_[:, :, -1]}[value.ndim]
        return _replaced(value, index, last[:, None] if value.ndim == 4 else last)

    layer = {"multi_layer": lambda: int(config["model.layers"]) - 1, "blocks": lambda: blocks_shape(config).n_layers - 1}.get(config["model.system"], lambda: 0)()
    return [(f"blocks.{layer}.attn.hook_pattern", hook)]


def _replaced(value, index, part):
    value = value.clone() if hasattr(value, "clone") else value.copy()
    value[index] = value.new_tensor(as_array(part)) if hasattr(value, "new_tensor") else as_array(part)
    return value


def as_array(value):
    """A torch tensor as numpy's; an array as it is."""
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value
