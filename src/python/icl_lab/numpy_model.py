"""The systems in numpy, in float64: what torch_model says in torch, without torch, and by the same names of places.

Each function of a system takes settings (full key -> value), weights (torch name -> array), items x [B, N, D], labels [B, N] and
at(name, value) -> value, which is called at each place in turn and may record or replace what is there. They give logits [B], or [B, L] of data.label_count = L
labels, which are then 1 to L in place of -1 and +1, or of L = data.D symbols. settings.shapes(config) says which weights a system has.
"""

from dataclasses import dataclass

import numpy as np

from .numpy_blocks import blocks, places_of
from .numpy_parts import linear, mlp, softmax, tokens_of
from .read import BadInput
from .settings import blocks_shape, check_fits, check_weights


def layer_norm(t, w):
    centred = t - t.mean(-1, keepdims=True)
    return centred / np.sqrt(t.var(-1, keepdims=True) + 1e-5) * w["to_embedding.0.weight"] + w["to_embedding.0.bias"]


def one_layer(config, w, x, label, at):
    t = at("blocks.0.hook_resid_pre", layer_norm(tokens_of(config, x, label, at), w))
    q, k, v = np.split(linear(t, w, "qkv"), 3, axis=-1)
    q, k, v = at("blocks.0.attn.hook_q", q[:, -1]), at("blocks.0.attn.hook_k", k), at("blocks.0.attn.hook_v", v)
    pattern = attention(np.einsum("bx,bnx->bn", q, k), at)
    z = at("blocks.0.attn.hook_z", np.einsum("bn,bnx->bx", pattern, v))
    return mlp(at("blocks.0.hook_resid_post", t[:, -1] + z), w, at)[:, 0]


def attention(scores, at, layer=0):
    return at(f"blocks.{layer}.attn.hook_pattern", softmax(at(f"blocks.{layer}.attn.hook_attn_scores", scores)))


def multi_layer(config, w, x, label, at):
    x, count = layer_norm(tokens_of(config, x, label, at), w), int(config["model.layers"])
    future = np.triu(np.ones((x.shape[1], x.shape[1]), dtype=bool), 1)
    for layer in range(count):
        block, attn = f"blocks.{layer}", f"blocks.{layer}.attn"
        x = at(f"{block}.hook_resid_pre", x)
        q, k, v = np.split(linear(x, w, f"layers.{layer}.qkv"), 3, axis=-1)
        q, k, v = at(f"{attn}.hook_q", q), at(f"{attn}.hook_k", k), at(f"{attn}.hook_v", v)
        x = x + at(f"{attn}.hook_z", attention(np.where(future, -np.inf, q @ k.transpose(0, 2, 1)), at, layer) @ v)
        if layer + 1 < count:
            x = mlp(at(f"{block}.hook_resid_mid", x), w, at, f"layers.{layer}.mlp", f"{block}.mlp")
        else:
            x = x[:, -1]
        x = at(f"{block}.hook_resid_post", x)
    return mlp(x, w, at)[:, 0]


def scalar_beta(config, w, x, label, at):
    t = tokens_of(config, x, label, at)
    x = t[..., : x.shape[-1]]
    pattern = attention(w["beta"] * np.einsum("bd,bnd->bn", x[:, -1], x), at)
    z = at("blocks.0.attn.hook_z", np.einsum("bn,bnx->bx", pattern, at("blocks.0.attn.hook_v", linear(t, w, "value"))))
    return mlp(at("blocks.0.hook_resid_post", t[:, -1] + z), w, at)[:, 0]


def minimal(config, w, x, label, at):
    x, reach = at("hook_tokens", x), label.shape[1] - (0 if config["model.attend_self"] else 1)
    pattern = attention(w["beta"] * np.einsum("bd,bnd->bn", x[:, -1], x)[:, :reach], at)
    z = at("blocks.0.attn.hook_z", (pattern * label[:, :reach]).sum(-1))
    return mlp(x[:, -1], w, at)[:, 0] + w["w"] * z


def memoriser(config, w, x, label, at):
    return mlp(at("hook_tokens", x)[:, -1], w, at)[:, 0]


SYSTEMS = {"one_layer": one_layer, "multi_layer": multi_layer, "scalar_beta": scalar_beta, "minimal": minimal, "memoriser": memoriser,
           "blocks": blocks}


class Model:
    """A system with its weights, in float64: called with a Batch it gives logits [B], or [B, L]. What torch_model's modules have by these names does the same. BadInput if the
    weights are not those of these settings."""

    def __init__(self, config, weights):
        check_weights(config, weights)
        self.config = config
        self._weights = {name: value.astype(float) for name, value in weights.items()}

    def weights(self):
        """Torch name -> array in float64."""
        return self._weights

    def __call__(self, batch):
        return self._forward(batch, lambda name, value: value)

    def run_with_cache(self, batch, names_filter=None, fwd_hooks=()):
        """Logits, and the activations by name, all of them or those that are named, as hooks leave them."""
        cache = {}

        def keep(name, value):
            cache[name] = value
            return value

        logits = self._hooked(batch, fwd_hooks, keep)
        return logits, {name: cache[name] for name in chosen(self.config, cache, names_filter)}

    def run_with_hooks(self, batch, fwd_hooks):
        """Logits where hooks, (name of a place, function(value, hook)), see activations in turn, hook.name being the place; what a function gives, unless
        None, replaces the value."""
        return self._hooked(batch, fwd_hooks, lambda name, value: value)

    def _hooked(self, batch, hooks, then):
        def at(name, value):
            for place, function in hooks:
                given = function(value, hook=Place(name)) if place == name else None
                if given is not None and np.shape(given) != value.shape:
                    raise BadInput(f"what the hook of '{name}' gives is {np.shape(given)}, and {value.shape} is expected")
                value = value if given is None else np.asarray(given, dtype=float)
            return then(name, value)

        if hooks:
            names = []
            self._forward(batch[:1], lambda name, value: names.append(name) or value)
            chosen(self.config, names, [name for name, _ in hooks])
        return self._forward(batch, at)

    def _forward(self, batch, at):
        check_fits(self.config, batch)
        x, label = np.asarray(batch.x, dtype=float), np.asarray(batch.label)
        system = self.config["model.system"]
        more = {"places": places_of(blocks_shape(self.config), batch)} if system == "blocks" else {}
        return at("hook_logit", SYSTEMS[system](self.config, self._weights, x, label, at, **more))


@dataclass(frozen=True)
class Place:
    """What a hook is told of where it stands."""

    name: str


def chosen(config, places, names):
    """The names that are asked for, all if None; BadInput if a system has no place of one."""
    names = list(places) if names is None else [names] if isinstance(names, str) else list(names)
    for name in names:
        if name not in places:
            raise BadInput(f"{config['model.system']} has no place '{name}'; there are {', '.join(places)}")
    return names
