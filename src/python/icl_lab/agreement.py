"""check(run): whether logits computed here give the losses that a run recorded.

What is compared. At each snapshot that is an evaluation step, the mean of softplus(-y z), or of L labels -log p_y, over the very sequences of that evaluation,
with z in float64, against the recorded icl_loss and iwl_loss (and those of eval.set), which the program computed in float32 (the losses of the logits, and
their mean, in double). Where intervene.clamp held in an evaluation, attention is clamped here too.

The bound. To first order the roundings move a logit, and so a loss, by a sum of independent numbers of mean 0. Its variance is measured: in the model in float64
each activation gets noise as large as the roundings there (roundings.py derives it), and d_b is what that changes in the loss of sequence b. So conditions, cancellation and the
flatness of the loss of a sure answer are those that the model has. With d_b^2 averaged over a few draws,

    |d loss| <= 6 sqrt(sum_b m_b d_b^2) / B,

six standard deviations. The m_b sequences of one target item share some of their roundings, and are taken to share all: (sum of m numbers)^2 <= m (sum of their squares).
tests/lab/golden_runs_test.py prints how far below the bound the errors stay: of 1330 losses there, at 0.34 of it at worst, two standard deviations.
"""

from dataclasses import dataclass

import numpy as np

from .patching import as_array, clamp
from .read import BadInput
from .roundings import Roundings
from .sequences import own_kinds

CHUNK = 128  # sequences at a time
DRAWS = 256  # of the noise, at least, over all sequences


class Disagrees(Exception):
    """Logits that do not give the recorded losses, in one sentence."""


@dataclass(frozen=True)
class Comparison:
    step: int
    kind: str        # "icl", "iwl", or an evaluator of the run's own
    recorded: float  # mean loss in nats
    found: float
    bound: float     # of the difference

    @property
    def holds(self):
        return abs(self.found - self.recorded) <= self.bound


def variances(exact, batch, hooks, clean, cache, draws, rng):
    """Mean square of what the roundings change in the loss of each sequence [B]; clean are the losses without."""
    squares = 0.0
    for _ in range(draws):
        noise = Roundings(exact.config, exact.weights(), cache, rng).noise
        z = exact.run_with_hooks(batch, [*hooks, *((name, lambda value, hook, noise=noise: value + noise[hook.name]) for name in noise)])
        squares = squares + (batch.losses(z) - clean) ** 2 / draws
    return squares


def compare(run, kind, step, batch, model):
    losses, squares, rng = [], [], np.random.default_rng(0)
    exact, how, draws = run.numpy_model(step), run.clamped(step), -(-DRAWS // len(batch))
    for first in range(0, len(batch), CHUNK):
        part = batch[first : first + CHUNK]
        hooks = clamp(run.settings, how, part) if how else []
        z, cache = exact.run_with_cache(part, None, hooks)
        squares.append(variances(exact, part, hooks, part.losses(z), cache, draws, rng))
        losses.append(part.losses(z if model is None else as_array(model.run_with_hooks(part, hooks))))
    _, target, count = np.unique(batch.x[:, -1], axis=0, return_inverse=True, return_counts=True)
    recorded = float(run.series(f"{kind}_loss")[np.searchsorted(run.steps, step)])
    found, bound = np.concatenate(losses).mean(), 6 * np.sqrt(count[target] @ np.concatenate(squares)) / len(batch)
    return Comparison(step, kind, recorded, float(found), float(bound))


def check(run, model_at=None):
    """Comparisons of all snapshots that were evaluated with finite loss; Disagrees if one is beyond its bound, BadInput if there are none.

    model_at(step) is what is checked: the systems in numpy if it is left out; torch's modules: lambda step: run.model(step, "float64"); or any other
    that has run_with_hooks. A model that itself computes in float32 rounds as much as the program did: it may be off by sqrt(2) times the bound.
    """
    steps = sorted(set(run.snapshots) & {int(step) for step in run.steps})
    kinds = ("iwl",) if run.settings["model.system"] == "memoriser" else ("icl", "iwl", *own_kinds(run))
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
