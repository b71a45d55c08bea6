"""trajectory(runs): the ways of several runs through the space of functions, seen from two or three sides."""

from dataclasses import dataclass

import numpy as np

from .batch import concatenate
from .read import BadInput


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Principal components of logits on the same sequences, over all runs and steps together."""

    steps: list  # of each run: the steps of its points [S]
    points: list  # of each run: coordinates [S, components], in logits: a point's distance to another is the root mean square difference of their logits
    share: np.ndarray  # [components] of the variance
    directions: np.ndarray  # [components, B] unit vectors: what each sequence does along a component
    batch: object  # the sequences


def trajectory(runs, batch=None, components=2):
    """Joint PCA of logits z / sqrt(B) at all snapshots of the runs, on one fixed batch; the mean over all points is taken off, and nothing is scaled.

    batch: the same sequences for all. Left out, the first run's /probe_set, or, if it has none, the ICL and IWL sequences of its first evaluation, 256 of each. A component's sign is such that
    the last point of the first run has it positive. There are fewer components than points, and no more than sequences.
    """
    runs = list(runs)
    if not runs:
        raise BadInput("a trajectory needs at least one run")
    batch = probes(runs[0]) if batch is None else batch
    logits = [np.stack([run.forward(step, batch) for step in _snapshots(run)]) / np.sqrt(len(batch)) for run in runs]
    together = np.concatenate(logits)
    if not isinstance(components, (int, np.integer)) or not 1 <= components <= min(len(together) - 1, len(batch)):
        raise BadInput(f"components = {components!r}: a whole number from 1, fewer than the points ({len(together)} snapshots) and no more than the sequences "
                       f"({len(batch)}) is expected")
    mean = together.mean(0)
    _, s, directions = np.linalg.svd(together - mean, full_matrices=False)
    directions = directions[:components]
    end = (logits[0][-1] - mean) @ directions.T
    directions = np.where(end < 0, -1.0, 1.0)[:, None] * directions
    share = s[:components] ** 2 / max((s**2).sum(), np.finfo(float).tiny)
    return Trajectory([list(run.snapshots) for run in runs], [(z - mean) @ directions.T for z in logits], share, directions, batch)


def _snapshots(run):
    if not run.snapshots:
        raise BadInput(f"'{run.path}' has no snapshots: record.snapshots and record.snapshot_every say how many")
    return run.snapshots


def probes(run, number=256):
    """/probe_set, or ICL and IWL sequences of the run's first evaluation (a memoriser has the latter alone, a run of fresh items the former)."""
    if run.setting("record.activations"):
        return run.loader("probe_set")
    kinds = [kind for kind in ("icl", "iwl") if run.has(f"{kind}_loss") and np.isfinite(run.series(f"{kind}_loss")[0])]
    return concatenate([run.loader(kind, int(run.steps[0]))[:number] for kind in kinds])
