"""check(run): whether logits computed here give the losses that a run recorded.

What is compared. At each snapshot that is an evaluation step, the mean of softplus(-y z) over the very sequences of that evaluation,
with z in float64, against the recorded icl_loss and iwl_loss, which the program computed in float32 (the losses of the logits, and
their mean, in double). Where intervene.clamp held in an evaluation, attention is clamped here too.

The bound, with u = 2^-24, X = D + 2, B sequences. softplus' derivative is at most 1, so each loss is off by at most |dz_b|, and to first order in u

    |dz_b| <= 6 sqrt(L) u Z_b (1 + S_b),     L = layers (10 X + 2 N + 2 H + 32)
    |d loss| <= 6 sqrt(L) u sqrt(sum_b (Z_b (1 + S_b))^2) / B

since roundings of different sequences are different roundings, as independent as those of one.

L: roundings on the longest path to a logit (data/golden/README.md counts them); a chain of L independent ones is off by at most
6 sqrt(L) u (Higham & Mary 2019). Z_b: magnitudes in the sum that is the logit, sum_i |W_i h_i| + |bias| (minimal: + |w|), to which the
error is relative where the terms cancel. S_b: an error of a score is relative to the magnitudes |q_i k_i| of its terms, and
enters the weights as a factor exp(ds): the mean of sum_i |q_i k_i| over the attended tokens, by their attention, added up over layers
(in inner layers: the largest over the tokens). All other sums are taken as well conditioned, as in data/golden: an assumption, which
tests/lab/open_test.py tries: the errors that are found stay far below.
"""

import math
from dataclasses import dataclass

import numpy as np

from .patching import as_array, clamp
from .read import BadInput

UNIT = 2.0**-24
CHUNK = 128  # sequences at a time


class Disagrees(Exception):
    """Logits that do not give the recorded losses, in one sentence."""


@dataclass(frozen=True)
class Comparison:
    step: int
    kind: str        # "icl" or "iwl"
    recorded: float  # mean loss in nats
    found: float
    bound: float     # of the difference

    @property
    def holds(self):
        return abs(self.found - self.recorded) <= self.bound


def roundings_to_logit(config):
    """L of the bound."""
    x, n, h = int(config["data.D"]) + 2, int(config["data.N"]), int(config["model.hidden"])
    depth = int(config["model.layers"]) if config["model.system"] == "multi_layer" else 1
    return depth * (10 * x + 2 * n + 2 * h + 32)


def magnitudes(config, weights, cache):
    """Z (1 + S) of each sequence, from the activations by name."""
    w = {name: np.abs(value.astype(float)) for name, value in weights.items()}
    Z = np.abs(cache["mlp.hook_post2"]) @ w["mlp.4.weight"][0] + w["mlp.4.bias"][0]
    system = config["model.system"]
    if system == "memoriser":
        return Z
    if system in ("minimal", "scalar_beta"):
        x = np.abs(cache["hook_tokens"][..., : int(config["data.D"])])
        pattern = cache["blocks.0.attn.hook_pattern"]
        terms = w["beta"] * np.einsum("bd,bnd->bn", x[:, -1], x)[:, : pattern.shape[1]]
        return (Z + (w["w"] if system == "minimal" else 0)) * (1 + (pattern * terms).sum(-1))
    if system == "one_layer":
        terms = np.einsum("bx,bnx->bn", np.abs(cache["blocks.0.attn.hook_q"]), np.abs(cache["blocks.0.attn.hook_k"]))
        return Z * (1 + (cache["blocks.0.attn.hook_pattern"] * terms).sum(-1))
    S, count = 0.0, int(config["model.layers"])
    for layer in range(count):
        attn = f"blocks.{layer}.attn"
        terms = np.abs(cache[f"{attn}.hook_q"]) @ np.abs(cache[f"{attn}.hook_k"]).transpose(0, 2, 1)
        of_token = (cache[f"{attn}.hook_pattern"] * terms).sum(-1)
        S = S + (of_token[:, -1] if layer + 1 == count else of_token.max(-1))
    return Z * (1 + S)


def compare(run, kind, step, batch, model):
    losses, errors = [], []
    exact, how, per_unit = run.numpy_model(step), run.clamped(step), 6 * math.sqrt(roundings_to_logit(run.settings)) * UNIT
    for first in range(0, len(batch), CHUNK):
        part = batch[first : first + CHUNK]
        hooks = clamp(run.settings, how, part) if how else []
        z, cache = exact.run_with_cache(part, None, hooks)
        errors.append(per_unit * magnitudes(run.settings, exact.weights(), cache))
        losses.append(part.losses(z if model is None else as_array(model.run_with_hooks(part, hooks))))
    recorded = float(run.series(f"{kind}_loss")[np.searchsorted(run.steps, step)])
    found, bound = np.concatenate(losses).mean(), np.linalg.norm(np.concatenate(errors)) / len(batch)
    return Comparison(step, kind, recorded, float(found), float(bound))


def check(run, model_at=None):
    """Comparisons of all snapshots that were evaluated with finite loss; Disagrees if one is beyond its bound, BadInput if there are none.

    model_at(step) is what is checked: the systems in numpy if it is left out; torch's modules: lambda step: run.model(step, "float64"); or any other
    that has run_with_hooks. A model that itself computes in float32 rounds as the program did, and may be off by twice the bound.
    """
    steps = sorted(set(run.snapshots) & {int(step) for step in run.steps})
    kinds = ("iwl",) if run.settings["model.system"] == "memoriser" else ("icl", "iwl")
    found = []
    for kind in kinds:
        finite = [step for step in steps if np.isfinite(run.series(f"{kind}_loss")[np.searchsorted(run.steps, step)])]
        for step, batch in zip(finite, run.loader(kind, finite) if finite else ()):
            found.append(compare(run, kind, step, batch, model_at and model_at(step)))
    if not found:
        raise BadInput(f"'{run.path}' cannot be checked: none of its snapshots is at a step that was evaluated with finite loss")
    for one in found:
        if not one.holds:
            raise Disagrees(f"'{run.path}', step {one.step}: the logits give an {one.kind.upper()} loss of {one.found:.9g} nat, where {one.recorded:.9g} "
                            f"was recorded: they differ by {abs(one.found - one.recorded):.2g}, and rounding explains {one.bound:.2g}")
    return sorted(found, key=lambda one: (one.step, one.kind))
