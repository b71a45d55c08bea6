"""The system blocks in numpy, as numpy_model.py has the others; it takes the places of a batch's tokens beside."""

import numpy as np

from .numpy_parts import linear, mlp, softmax, tokens_of
from .settings import blocks_shape, has_label_vectors, is_of_symbols, label_count


def gelu(z):
    return z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))) / 2


def norm_of(x, w, name):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]


def angles(places, width):
    return np.arange(places)[:, None] * 10000.0 ** (-2 * np.arange((width + 1) // 2) / width)


def turned(v):
    half, angle = v.shape[-1] // 2, angles(v.shape[1], v.shape[-1])[None, :, None, :]
    a, b = v[..., :half], v[..., half:]
    return np.concatenate([a * np.cos(angle) - b * np.sin(angle), b * np.cos(angle) + a * np.sin(angle)], axis=-1)


def label_code(config, w, label):
    """What a token of blocks holds for its label; zeros for 0. Nothing in a symbol."""
    if is_of_symbols(config):
        return np.zeros((*label.shape, 0))
    if label_count(config) == 1:
        return tokens_of(config, np.zeros((*label.shape, 0)), label, lambda _, value: value)
    if "embed.labels.weight" in w:
        return np.concatenate([np.zeros((1, w["embed.labels.weight"].shape[1])), w["embed.labels.weight"]])[label]
    return (label[..., None] == np.arange(1, label_count(config) + 1)).astype(float)


def places_of(s, batch):
    """The place of each token [B or 1, T] among the n_ctx that there are."""
    return np.arange(s.tokens)[None] + (0 if s.shift == "none" else np.asarray(batch.known("shift"))[:, None])


def read_tokens(config, s, w, x, label, places, at):
    code = label_code(config, w, label)
    if s.layout != "interleaved":
        t = np.concatenate([x, code], axis=-1)
    elif has_label_vectors(config):  # they take the place of items
        t = np.stack([x, code], axis=2)
    else:
        t = np.stack([np.concatenate([x, 0 * code], axis=-1), np.concatenate([0 * x, code], axis=-1)], axis=2)
    t = at("hook_tokens", t.reshape(len(x), -1, s.token)[:, : s.tokens])
    e = norm_of(t, w, "embed.norm") if s.norm == "input" else t
    if s.positions == "onehot":
        e = np.concatenate([np.broadcast_to(np.eye(s.n_ctx)[places], (len(e), s.tokens, s.n_ctx)), e], axis=-1)
    r = linear(e, w, "embed.read_in") if s.read_in == "linear" else e
    if s.positions == "learned":
        r = r + w["embed.positions.weight"][places]
    if s.positions == "sinusoidal":
        angle = angles(s.tokens, s.d_model)
        r = r + np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(s.tokens, -1)[:, : s.d_model]
    return r


def attend_in_block(s, w, x, at, block):
    q, k, v = (part.reshape(*part.shape[:2], s.n_heads, s.d_head) for part in np.split(linear(x, w, f"{block}.attn.qkv"), 3, axis=-1))
    q, k, v = at(f"{block}.attn.hook_q", q), at(f"{block}.attn.hook_k", k), at(f"{block}.attn.hook_v", v)
    if s.positions == "rotary":
        q, k = turned(q), turned(k)
    past = np.tril(np.ones((s.tokens, s.tokens), dtype=bool))
    scores = np.einsum("bihc,bjhc->bhij", q, k) * (s.d_head**-0.5 if s.attn_scale == "d_head" else 1)
    if s.attention == "softmax":
        pattern = softmax(at(f"{block}.attn.hook_attn_scores", np.where(past, scores, -np.inf)))
    else:
        pattern = at(f"{block}.attn.hook_attn_scores", np.where(past, scores, 0)) / np.arange(1, s.tokens + 1)[:, None]
    z = at(f"{block}.attn.hook_z", np.einsum("bhij,bjhc->bihc", at(f"{block}.attn.hook_pattern", pattern), v)).reshape(*x.shape[:2], -1)
    return at(f"{block}.hook_attn_out", linear(z, w, f"{block}.attn.output") if s.output == "linear" else z)


def blocks(config, w, x, label, at, places):
    s = blocks_shape(config)
    r, act = read_tokens(config, s, w, x, label, places, at), gelu if s.act_fn == "gelu_new" else lambda z: np.maximum(z, 0)
    for layer in range(s.n_layers):
        block = f"blocks.{layer}"
        r = at(f"{block}.hook_resid_pre", r)
        r = r + attend_in_block(s, w, norm_of(r, w, f"{block}.ln1") if s.norm == "pre" else r, at, block)
        r = r[:, -1] if layer + 1 == s.n_layers else r
        if s.has_mlp(layer):
            r = at(f"{block}.hook_resid_mid", r)
            y = norm_of(r, w, f"{block}.ln2") if s.norm == "pre" else r
            for index in range(s.mlp_layers):
                y = linear(y, w, f"{block}.mlp.{2 * index}")
                number = "2" if index else ""
                if index + 1 < s.mlp_layers:
                    y = at(f"{block}.mlp_at.hook_post{number}", act(at(f"{block}.mlp_at.hook_pre{number}", y)))
            r = r + y if s.residual == "both" else y
        r = at(f"{block}.hook_resid_post", r)
    r = norm_of(r, w, "ln_final") if s.norm == "pre" else r
    z = mlp(r, w, at) if s.readout == "mlp" else linear(r, w, "mlp.0")
    return z[:, 0] if label_count(config) == 1 else z
