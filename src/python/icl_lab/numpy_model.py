"""The systems in numpy, in float64: what torch_model says in torch, without torch, and by the same names of places.

Each function takes settings (full key -> value), weights (torch name -> array), items x [B, N, D], labels [B, N] and
at(name, value) -> value, which is called at each place in turn and may record or replace what is there. They give logits [B].
"""

import numpy as np


def softmax(scores):
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def layer_norm(t, w):
    centred = t - t.mean(-1, keepdims=True)
    return centred / np.sqrt(t.var(-1, keepdims=True) + 1e-5) * w["to_embedding.0.weight"] + w["to_embedding.0.bias"]


def linear(x, w, name):
    return x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", 0)


def mlp(x, w, at, name="mlp", places="mlp"):
    x = at(f"{places}.hook_post", np.maximum(at(f"{places}.hook_pre", linear(x, w, f"{name}.0")), 0))
    x = at(f"{places}.hook_post2", np.maximum(at(f"{places}.hook_pre2", linear(x, w, f"{name}.2")), 0))
    return linear(x, w, f"{name}.4")


def tokens_of(config, x, label, at):
    """[x ; onehot] or [x ; label]; the target has label 0."""
    label = label[..., None]
    code = label if config["data.label_code"] == "scalar" else np.concatenate([label == -1, label == 1], axis=-1)
    return at("hook_tokens", np.concatenate([x, code], axis=-1))


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


SYSTEMS = {"one_layer": one_layer, "multi_layer": multi_layer, "scalar_beta": scalar_beta, "minimal": minimal, "memoriser": memoriser}


def forward(config, weights, x, label, at=lambda name, value: value):
    """Logits [B]; `at` is called with each place and its value."""
    w = {name: value.astype(float) for name, value in weights.items()}
    named = lambda name, value: np.asarray(at(name, value), dtype=float)
    return named("hook_logit", SYSTEMS[config["model.system"]](config, w, np.asarray(x, dtype=float), np.asarray(label), named))
