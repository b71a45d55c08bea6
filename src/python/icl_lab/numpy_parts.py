"""What several systems in numpy are made of; see numpy_model.py."""

import numpy as np

from .settings import has_one_entry


def softmax(scores):
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def linear(x, w, name):
    return x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", 0)


def mlp(x, w, at, name="mlp", places="mlp"):
    x = at(f"{places}.hook_post", np.maximum(at(f"{places}.hook_pre", linear(x, w, f"{name}.0")), 0))
    x = at(f"{places}.hook_post2", np.maximum(at(f"{places}.hook_pre2", linear(x, w, f"{name}.2")), 0))
    return linear(x, w, f"{name}.4")


def tokens_of(config, x, label, at):
    """[x ; onehot] or [x ; label]; the target has label 0."""
    label = label[..., None]
    code = label if has_one_entry(config) else np.concatenate([label == -1, label == 1], axis=-1)
    return at("hook_tokens", np.concatenate([x, code], axis=-1))
