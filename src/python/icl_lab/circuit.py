"""circuits(model): what attention compares (QK) and what it writes (OV), as matrices between what it reads and what it scores or adds."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .read import BadInput


@dataclass(frozen=True, eq=False)
class Circuit:
    """One layer's attention, in what it reads: in the first layer of a transformer n, the tokens [x ; label code] after the norm, before gain g and bias b; in a
    later layer the residual stream; in scalar_beta the tokens; in minimal items and labels themselves. With G = diag(g), 1 in place of g where there is no norm,

        score of token j for target i = n_i QK n_j + QK_bias n_j + what is equal for all j, which the softmax does not see
        what is added = sum_j a_j (OV n_j) + OV_bias
        QK = G W_q^T W_k G,   QK_bias = G W_k^T W_q b,   OV = W_v G,   OV_bias = W_v b      (Elhage et al. 2021, with the gain folded in)

    n has mean 0: neither matrix sees the direction of ones, though both have a component there.
    """

    layer: int
    QK: np.ndarray  # [X, X], [D, D] in minimal
    QK_bias: np.ndarray  # [X]
    OV: np.ndarray  # [X, X]; in minimal [1, 1]: label to logit
    OV_bias: np.ndarray  # [X]
    items: int  # the first D of the X are the item, the rest its label

    @cached_property
    def QK_svd(self):
        """(U, s, V^T): s descending; column i of U is what a target is asked along, row i of V^T what a token answers."""
        return np.linalg.svd(self.QK)

    @cached_property
    def OV_svd(self):
        """(U, s, V^T): column i of U is what is written where row i of V^T is read."""
        return np.linalg.svd(self.OV)

    @property
    def QK_items(self):
        """The part of QK between items [D, D]."""
        return self.QK[: self.items, : self.items]

    @property
    def identity_alignment(self):
        """tr(A) / (sqrt(D) |A|_F) of A = QK_items: 1 if it is a positive multiple of the identity, as in the minimal model. That of one_layer is a run's metric of
        this name; the metric of multi_layer takes the gain into the last layer, where no norm stands before the attention."""
        return float(np.trace(self.QK_items) / (np.sqrt(self.items) * np.linalg.norm(self.QK_items)))


def circuits(model):
    """A Circuit for each layer of a model (run.model(step) or run.numpy_model(step)), in float64. BadInput if it has no attention."""
    config, w = model.config, model.weights()
    system, D = config["model.system"], int(config["data.D"])
    if system == "memoriser":
        raise BadInput("memoriser has no attention, so it has no QK and no OV")
    if system == "blocks":
        raise BadInput("circuits are those of one head on normed tokens; blocks may have several, norms and positions: run_with_cache gives their queries, keys and values")
    if system == "minimal":
        return [Circuit(0, w["beta"] * np.eye(D), np.zeros(D), w["w"].reshape(1, 1), np.zeros(1), D)]
    if system == "scalar_beta":
        X = len(w["value.weight"])
        return [Circuit(0, w["beta"] * np.diag(np.arange(X) < D), np.zeros(X), w["value.weight"], np.zeros(X), D)]
    names = ["qkv.weight"] if system == "one_layer" else [f"layers.{layer}.qkv.weight" for layer in range(int(config["model.layers"]))]
    return [_of_layer(layer, w[name], w, D) for layer, name in enumerate(names)]


def _of_layer(layer, qkv, w, D):
    X = qkv.shape[1]
    g, b = (w["to_embedding.0.weight"], w["to_embedding.0.bias"]) if layer == 0 else (np.ones(X), np.zeros(X))
    q, k, v = qkv.reshape(3, X, X)
    return Circuit(layer, g[:, None] * (q.T @ k) * g, g * (k.T @ (q @ b)), v * g, v @ b, D)
