"""patch(model, clean, corrupted, places): what activations of one run do in another; clamp: attention made what it is told to be."""

from dataclasses import dataclass

import numpy as np

from .read import BadInput
from .settings import blocks_shape


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
    """Hooks for run_with_hooks that clamp attention as intervene.clamp and the lesions of a run do: the target's, in the last layer, "copy", equally to the
    copies of the target, to nothing where there is none; "uniform", equally to all that it may attend to; "none", to nothing. In blocks also that of heads,
    "none/1" (all of layer 1), "previous/0.2" (head 2 of layer 0: each token's on the one before), several separated by commas. They are for this batch: on
    one of another size they raise BadInput."""
    if config["model.system"] == "memoriser":
        raise BadInput("memoriser has no attention to clamp")
    return [_clamp(config, one.strip(), batch) for one in how.split(",")]


def _clamp(config, how, batch):
    word, _, place = how.partition("/")
    if word not in ("copy", "uniform", "none", *(["previous"] if place else [])):
        raise BadInput(f"attention cannot be clamped to \"{how}\": there are copy, uniform, none, and of heads previous")
    if place and config["model.system"] != "blocks":
        raise BadInput(f"{config['model.system']} has no heads that could be named, as \"{how}\" does: blocks has")
    last_layer = {"multi_layer": lambda: int(config["model.layers"]) - 1, "blocks": lambda: blocks_shape(config).n_layers - 1}.get(config["model.system"], lambda: 0)()
    layer, _, head = place.partition(".")
    layer = int(layer) if layer else last_layer

    interleaved = config.get("data.layout") == "interleaved"
    expected = len(batch), np.shape(batch.label)[1] - (config["model.system"] == "minimal" and not config["model.attend_self"])
    if interleaved:
        expected = len(batch), 2 * expected[1] - 1

    def hook(value, hook):
        if (value.shape[0], value.shape[-1]) != expected:
            raise BadInput(f"these hooks clamp attention of {expected[0]} sequences to {expected[1]} tokens, those of the batch that clamp was given, "
                           f"and '{hook.name}' is {tuple(value.shape)}: make them for the batch that is run")
        queries = value.shape[-2] if place and word != "copy" else 1  # a head's tokens; the target alone
        weights = np.zeros((expected[0], queries, expected[1]))
        if word == "copy":
            weights[:, 0] = _on_copies(batch, expected[1], interleaved)
        elif word != "none":
            at = np.arange(expected[1] - queries, expected[1])
            weights[:] = _before(at, expected[1]) if word == "previous" else (np.arange(expected[1]) <= at[:, None]) / (at[:, None] + 1)
        if value.ndim == 4:
            which = int(head) if head else slice(None)
            return _replaced(value, np.s_[:, which, -queries:], weights if head else weights[:, None])
        return _replaced(value, ... if value.ndim == 2 else np.s_[:, -1], weights[:, 0])

    return f"blocks.{layer}.attn.hook_pattern", hook


def _on_copies(batch, T, interleaved):
    """The target's weights [B, T], equally on its copies: where their labels stand."""
    items = (T + 1) // 2 if interleaved else T
    copies = batch.known("copy")[:, :items]
    copies = copies / np.maximum(copies.sum(1, keepdims=True), 1)
    if not interleaved:
        return copies
    weights = np.zeros((len(copies), T))
    weights[:, 1::2] = copies[:, : T // 2]
    return weights


def _before(at, T):
    """The weights [queries, T] of tokens on the ones before them, the first on itself."""
    return np.arange(T) == np.maximum(at - 1, 0)[:, None]


def _replaced(value, index, part):
    value = value.clone() if hasattr(value, "clone") else value.copy()
    value[index] = value.new_tensor(as_array(part)) if hasattr(value, "new_tensor") else as_array(part)
    return value


def as_array(value):
    """A torch tensor as numpy's; an array as it is."""
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value
