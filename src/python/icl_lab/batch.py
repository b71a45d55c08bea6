"""Sequences to run a model on."""

from dataclasses import dataclass, fields, replace

import numpy as np

from .read import BadInput


@dataclass(frozen=True, eq=False)
class Batch:
    """B sequences of N tokens, the target last. x and label are what a model reads; batch[5:9], batch[mask] are batches too."""

    x: np.ndarray  # [B, N, D] items
    label: np.ndarray  # [B, N] +1 or -1, or 1 to L of data.label_count = L labels, or the y of regression; the target's is 0, as are those of symbols
    answer: np.ndarray | None = None  # [B] the target's label, or 1 + the symbol that comes next, or its y: of floating point then, and the loss is the squared error
    copy: np.ndarray | None = None  # [B, N] true where a context token's item is the target's
    item: np.ndarray | None = None  # [B, N] row in the table of items; None where items are fresh
    shift: np.ndarray | None = None  # [B] places before that of the first token; None without blocks.shift

    def __len__(self):
        return len(self.x)

    def __getitem__(self, which):
        if isinstance(which, (int, np.integer)):
            which = [which]
        return Batch(*(None if part is None else part[which] for part in self._parts()))

    def _parts(self):
        return [getattr(self, field.name) for field in fields(self)]

    def tensors(self, dtype="float32"):
        """x and label (and shift, if there is one) as torch tensors: model(*batch.tensors())."""
        import torch  # pylint: disable=import-outside-toplevel
        found = torch.from_numpy(np.asarray(self.x, dtype=dtype)), torch.from_numpy(np.array(self.label))
        return found if self.shift is None else (*found, torch.from_numpy(np.array(self.shift)).long())

    def known(self, name):
        """A part of the batch; BadInput if it was made without."""
        if getattr(self, name) is None:
            raise BadInput(f"this batch has no {name}: it was made without one")
        return getattr(self, name)

    def losses(self, logits):
        """softplus(-y z) of each sequence [B], in nats; of logits [B, L] -ln p_y, p = softmax(z); of regression (z - y)^2."""
        z = np.asarray(logits, dtype=float)
        if self.known("answer").dtype.kind == "f":
            return (z - self.answer) ** 2
        if z.ndim == 1:
            return np.logaddexp(0, -self.known("answer") * z)
        return np.logaddexp.reduce(z, axis=1) - z[np.arange(len(z)), self.known("answer") - 1]

    def accuracy(self, logits):
        """Share of sequences with y z > 0; of logits [B, L] of those whose answer has a greater one than all others; of regression NaN."""
        z = np.asarray(logits)
        if self.known("answer").dtype.kind == "f":
            return float("nan")
        if z.ndim == 1:
            return float(np.mean(self.known("answer") * z > 0))
        answer = np.arange(z.shape[1]) == self.known("answer")[:, None] - 1
        return float(np.mean(z[answer] > np.where(answer, -np.inf, z).max(axis=1)))

    def with_copies_turned(self, label_count=None):
        """The same sequences, but for the copies of the target, whose labels are the other ones: who reads the answer off a copy now reads the wrong one. Of
        label_count = L labels it is the next one, 1 after L."""
        other = -self.label if label_count is None else np.where(self.label == 0, 0, self.label % label_count + 1)
        return replace(self, label=np.where(self.known("copy"), other, self.label))


def concatenate(batches):
    """One batch of all sequences; a part that one batch lacks is None."""
    parts = zip(*(batch._parts() for batch in batches))  # pylint: disable=protected-access
    return Batch(*(None if any(p is None for p in part) else np.concatenate(part) for part in parts))
