"""Sequences to run a model on."""

from dataclasses import dataclass, fields, replace

import numpy as np

from .read import BadInput


@dataclass(frozen=True, eq=False)
class Batch:
    """B sequences of N tokens, the target last. x and label are what a model reads; batch[5:9], batch[mask] are batches too."""

    x: np.ndarray  # [B, N, D] items
    label: np.ndarray  # [B, N] +1 or -1; the target's is 0
    answer: np.ndarray | None = None  # [B] +1 or -1: the target's label
    copy: np.ndarray | None = None  # [B, N] true where a context token's item is the target's
    item: np.ndarray | None = None  # [B, N] row in the table of items; None where items are fresh

    def __len__(self):
        return len(self.x)

    def __getitem__(self, which):
        if isinstance(which, (int, np.integer)):
            which = [which]
        return Batch(*(None if part is None else part[which] for part in self._parts()))

    def _parts(self):
        return [getattr(self, field.name) for field in fields(self)]

    def tensors(self, dtype="float32"):
        """x and label as torch tensors: model(*batch.tensors())."""
        import torch  # pylint: disable=import-outside-toplevel
        return torch.from_numpy(np.asarray(self.x, dtype=dtype)), torch.from_numpy(np.array(self.label))

    def known(self, name):
        """A part of the batch; BadInput if it was made without."""
        if getattr(self, name) is None:
            raise BadInput(f"this batch has no {name}: it was made without one")
        return getattr(self, name)

    def losses(self, logits):
        """softplus(-y z) of each sequence [B], in nats."""
        return np.logaddexp(0, -self.known("answer") * np.asarray(logits, dtype=float))

    def accuracy(self, logits):
        """Share of sequences with y z > 0."""
        return float(np.mean(self.known("answer") * np.asarray(logits) > 0))

    def with_copies_turned(self):
        """The same sequences, but for the copies of the target, whose labels are the other ones: who reads the answer off a copy now reads the wrong one."""
        return replace(self, label=np.where(self.known("copy"), -self.label, self.label))


def concatenate(batches):
    """One batch of all sequences; a part that one batch lacks is None."""
    parts = zip(*(batch._parts() for batch in batches))  # pylint: disable=protected-access
    return Batch(*(None if any(p is None for p in part) else np.concatenate(part) for part in parts))
