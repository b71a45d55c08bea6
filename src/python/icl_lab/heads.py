"""heads(run, step): what each head of each layer attends to, and what is lost without it."""

from dataclasses import dataclass

import numpy as np

from .patching import as_array
from .read import BadInput
from .settings import blocks_shape


@dataclass(frozen=True)
class Head:
    """Means over sequences. Weights are those of the model's own tokens: with data.layout = interleaved an item and its label have one each."""

    layer: int
    head: int
    previous: float     # weight on the token before: interleaved of the labels on their items, otherwise over all tokens but the first; NaN where the target alone attends
    on_copy: float      # the target's weight on its copies (of symbols: on its own, earlier), added up; NaN in regression, which has none
    after_copy: float   # its weight on the tokens after them, added up: an induction head's; interleaved, these hold the copies' labels
    on_itself: float
    lesion_loss: float  # nats, where this head gives zeros and all else stays; without heads, where attention does
    lesion_accuracy: float


def heads(run, step, kind="icl", sequences=256, model=None):
    """A Head for each head of each layer, layer after layer, on the first sequences of an evaluation (run.loader has them); `model` in place of
    run.numpy_model(step). BadInput if the system has no softmax over tokens."""
    config = run.settings
    if config["model.system"] not in ("one_layer", "multi_layer", "blocks"):
        raise BadInput(f"{config['model.system']} has no heads: one_layer, multi_layer and blocks have")
    batch, model = run.loader(kind, step)[:sequences], model or run.numpy_model(step)
    places = _places(config)
    _, cache = model.run_with_cache(batch, [f"{place}.hook_pattern" for place in places])
    found = []
    for layer, place in enumerate(places):
        pattern = as_array(cache[f"{place}.hook_pattern"])
        of_heads = pattern if pattern.ndim == 4 else pattern[:, None] if pattern.ndim == 3 else pattern[:, None, None]  # [B, H, T or 1, T]
        for head in range(of_heads.shape[1]):
            logits = as_array(model.run_with_hooks(batch, [(f"{place}.hook_z", _without(head if pattern.ndim == 4 else ...))]))
            found.append(Head(layer, head, *_weights(of_heads[:, head], _copies(config, batch), config), float(batch.losses(logits).mean()), batch.accuracy(logits)))
    return found


def _places(config):
    system = config["model.system"]
    count = 1 if system == "one_layer" else int(config["model.layers"]) if system == "multi_layer" else blocks_shape(config).n_layers
    return [f"blocks.{layer}.attn" for layer in range(count)]


def _copies(config, batch):
    """[B, T] true for a token that holds a copy's item; None of sequences without copies."""
    copies = batch.copy
    if copies is None:
        return None
    if config.get("data.layout") != "interleaved":
        return copies
    at = np.zeros((len(copies), 2 * copies.shape[1] - 1), dtype=bool)
    at[:, ::2] = copies
    return at


def _weights(a, copies, config):
    """previous, on_copy, after_copy and on_itself from a [B, T or 1, T]."""
    target, T = a[:, -1], a.shape[-1]
    later = np.arange(1, T, 2 if config.get("data.layout") == "interleaved" else 1)
    previous = a[:, later, later - 1].mean() if a.shape[1] == T and T > 1 else float("nan")
    on_copy = after_copy = float("nan")
    if copies is not None:
        on_copy, after_copy = (target * copies).sum(1).mean(), (target[:, 1:] * copies[:, :-1]).sum(1).mean()
    return tuple(float(value) for value in (previous, on_copy, after_copy, target[:, -1].mean()))


def _without(head):
    def hook(value, hook):  # pylint: disable=unused-argument
        value = value.clone() if hasattr(value, "clone") else value.copy()
        value[(slice(None), slice(None), head) if head is not ... else ...] = 0
        return value

    return hook
