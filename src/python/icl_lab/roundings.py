"""What float32 does to the activations of a run: for each place of a system, noise as large as the roundings there, in the order in which the program computes.

To first order a rounding multiplies a number by 1 + delta, |delta| <= u / m, with u = 2^-24 and the significand m in [1, 2). Where delta lies is taken as uniform, and log m
too (Benford's law, to which products tend: Hamming, Bell System Tech. J. 49, 1970), so that

    E delta = 0,   E delta^2 = (u^2 / 3) E m^-2 = u^2 / (8 log 2) = (0.425 u)^2 =: s^2.

A sum a = t_1 + ... + t_n, T = t_1^2 + ... + t_n^2, rounds each product t_k and each partial sum. In random order, the sum of k of the terms has the mean square
k^2 a^2 / n^2 + k (n - k) / (n - 1) (T / n - a^2 / n^2). Added up over k, the variance of the error is

    s^2 (T + (n + 1) (2 a^2 + T) / 6).

Lanes, blocks and fused multiply-adds only shorten the chain. Assumed is that roundings are independent, and that no order is worse than a random one.
"""

import math

import numpy as np

from .numpy_blocks import norm_of, turned
from .settings import blocks_shape

UNIT = 2.0**-24
ROUNDING = UNIT / math.sqrt(8 * math.log(2))  # s
EXP = 4  # an exponential is good to 2 ulp: that many roundings


def error_of_sum(total, squares, count):
    """Standard deviation of the error of a, from a, T and n."""
    return ROUNDING * np.sqrt(squares + (count + 1) * (2 * total**2 + squares) / 6)


class Roundings:
    """Noise for a batch, drawn with `rng` around the activations `cache` of numpy_model: .noise is place -> what is to be added there."""

    def __init__(self, config, weights, cache, rng):
        self.config, self.weights, self.cache, self.rng = config, weights, cache, rng
        self.noise = {}
        getattr(self, config["model.system"])()

    def draw(self, deviation):
        return deviation * self.rng.standard_normal(np.shape(deviation))

    def product(self, x, y, bias=0.0):
        """x y + bias, and a draw of its error."""
        value = x @ y + bias
        return value, self.draw(error_of_sum(value, x**2 @ y**2 + bias**2, x.shape[-1] + 1))

    def linear(self, x, name):
        return self.product(x, self.weights[f"{name}.weight"].T, self.weights.get(f"{name}.bias", 0.0))[1]

    def residual(self, place):
        self.noise[place] = self.draw(ROUNDING * np.abs(self.cache[place]))

    def mlp(self, x, name="mlp", places="mlp", out="hook_logit"):
        self.noise[f"{places}.hook_pre"] = self.linear(x, f"{name}.0")
        self.noise[f"{places}.hook_pre2"] = self.linear(self.cache[f"{places}.hook_post"], f"{name}.2")
        self.noise[out] = self.linear(self.cache[f"{places}.hook_post2"], f"{name}.4").reshape(self.cache[out].shape)

    def softmax(self, attn):
        """Differences to the largest score, exponentials, their sum (T <= a^2), quotients."""
        scores, pattern = self.cache[f"{attn}.hook_attn_scores"], self.cache[f"{attn}.hook_pattern"]
        differences = np.where(np.isfinite(scores), scores - scores.max(-1, keepdims=True), 0)
        self.noise[f"{attn}.hook_pattern"] = self.draw(ROUNDING * pattern * np.sqrt(differences**2 + EXP + (pattern.shape[-1] + 1) / 2 + 1))

    def attended(self, pattern, x, values):
        """W_v c, c = sum_j a_j x_j: values are not formed. pattern [B, Nq, N], x [B, N, X]."""
        c, error = self.product(pattern, x)
        return error @ values.T + self.product(c, values.T)[1]

    def attention(self, layer, name):
        """Of the target alone (q [B, X]) or of all tokens (q [B, N, X]). Keys are not formed: scores are u . x_j with u = W_k^T q."""
        attn, x = f"blocks.{layer}.attn", self.cache[f"blocks.{layer}.hook_resid_pre"]
        queries, keys, values = np.split(self.weights[f"{name}.weight"], 3)
        q, pattern = self.cache[f"{attn}.hook_q"], self.cache[f"{attn}.hook_pattern"]
        alone = q.ndim == 2
        self.noise[f"{attn}.hook_q"] = self.product(x[:, -1] if alone else x, queries.T)[1]
        if alone:
            q, pattern = q[:, None], pattern[:, None]
        u, error = self.product(q, keys)
        scores = error @ x.swapaxes(1, 2) + self.product(u, x.swapaxes(1, 2))[1]
        added = self.attended(pattern, x, values)
        self.noise[f"{attn}.hook_attn_scores"], self.noise[f"{attn}.hook_z"] = (scores[:, 0], added[:, 0]) if alone else (scores, added)
        self.softmax(attn)

    def likeness(self, x):
        """Scores beta x_N . x_j."""
        attn = "blocks.0.attn"
        products, error = self.product(x[:, -1:], x.swapaxes(1, 2))
        error = (error + self.draw(ROUNDING * np.abs(products)))[:, 0, : self.cache[f"{attn}.hook_pattern"].shape[1]]
        self.noise[f"{attn}.hook_attn_scores"] = self.weights["beta"] * error
        self.softmax(attn)

    def memoriser(self):
        self.mlp(self.cache["hook_tokens"][:, -1])

    def minimal(self):
        x, pattern, z = self.cache["hook_tokens"], self.cache["blocks.0.attn.hook_pattern"], self.cache["blocks.0.attn.hook_z"]
        self.likeness(x)
        self.noise["blocks.0.attn.hook_z"] = self.draw(error_of_sum(z, (pattern**2).sum(-1), pattern.shape[1]))
        self.mlp(x[:, -1])
        self.noise["hook_logit"] += self.draw(ROUNDING * np.hypot(self.weights["w"] * z, self.cache["hook_logit"]))

    def scalar_beta(self):
        tokens = self.cache["hook_tokens"]
        self.likeness(tokens[..., : int(self.config["data.D"])])
        self.noise["blocks.0.attn.hook_z"] = self.attended(self.cache["blocks.0.attn.hook_pattern"][:, None], tokens, self.weights["value.weight"])[:, 0]
        self.residual("blocks.0.hook_resid_post")
        self.mlp(self.cache["blocks.0.hook_resid_post"])

    def norm(self):
        """g n + b: mean, variance, root and quotient are 1.5 X + 8 roundings of n."""
        t = self.cache["blocks.0.hook_resid_pre"]
        gained = t - self.weights["to_embedding.0.bias"]
        self.noise["blocks.0.hook_resid_pre"] = self.draw(ROUNDING * np.sqrt((1.5 * t.shape[-1] + 9) * gained**2 + t**2))

    def one_layer(self):
        self.norm()
        self.attention(0, "qkv")
        self.residual("blocks.0.hook_resid_post")
        self.mlp(self.cache["blocks.0.hook_resid_post"])

    def multi_layer(self):
        self.norm()
        last = int(self.config["model.layers"]) - 1
        for layer in range(last + 1):
            block = f"blocks.{layer}"
            self.attention(layer, f"layers.{layer}.qkv")
            self.residual(f"{block}.hook_resid_post" if layer == last else f"{block}.hook_resid_mid")
            if layer < last:
                self.mlp(self.cache[f"{block}.hook_resid_mid"], f"layers.{layer}.mlp", f"{block}.mlp", f"{block}.hook_resid_post")
        self.mlp(self.cache[f"blocks.{last}.hook_resid_post"])

    def normed(self, x, name):
        """g n + b of any norm, and a draw of its error."""
        value = norm_of(x, self.weights, name)
        gained = value - self.weights[f"{name}.bias"]
        return value, self.draw(ROUNDING * np.sqrt((1.5 * x.shape[-1] + 9) * gained**2 + value**2))

    def behind(self, x, error, matrix):
        """The error of x W^T (+ bias, which makes no difference of size), where x has an error of its own."""
        return self.product(x, matrix.T)[1] + error @ matrix.T

    def read_in(self, s):
        e = self.cache["hook_tokens"]
        error = np.zeros_like(e, dtype=float)
        if s.norm == "input":
            e, error = self.normed(e, "embed.norm")
        if s.positions == "onehot":
            # A shifted sequence has its ones at other places: other columns of W_E, of the same size.
            places = np.broadcast_to(np.eye(s.n_ctx)[: s.tokens], (len(e), s.tokens, s.n_ctx))
            e, error = np.concatenate([places, e], axis=-1), np.concatenate([0 * places, error], axis=-1)
        if s.read_in == "linear":
            error = self.behind(e, error, self.weights["embed.read_in.weight"])
        self.residual("blocks.0.hook_resid_pre")
        self.noise["blocks.0.hook_resid_pre"] += error

    def heads(self, s, block):
        """Keys and values count as formed, also in the last layer, where they are not: the chains are as long."""
        attn, r = f"{block}.attn", self.cache[f"{block}.hook_resid_pre"]
        x, error = self.normed(r, f"{block}.ln1") if s.norm == "pre" else (r, np.zeros_like(r))
        parts = {}
        for name, matrix in zip("qkv", np.split(self.weights[f"{attn}.qkv.weight"], 3)):
            parts[name] = part = self.cache[f"{attn}.hook_{name}"]
            turns = ROUNDING * math.sqrt(3) * np.abs(part) if s.positions == "rotary" and name != "v" else 0 * part
            self.noise[f"{attn}.hook_{name}"] = self.behind(x, error, matrix).reshape(part.shape) + self.draw(turns)
        q, k = (turned(parts[name]) if s.positions == "rotary" else parts[name] for name in "qk")
        scale = s.d_head**-0.5 if s.attn_scale == "d_head" else 1
        scores = np.einsum("bihc,bjhc->bhij", q, k)
        spread = scale * error_of_sum(scores, np.einsum("bihc,bjhc->bhij", q**2, k**2), s.d_head + 1)
        self.noise[f"{attn}.hook_attn_scores"] = self.draw(np.where(np.tril(np.ones((s.tokens, s.tokens), dtype=bool)), spread, 0))
        if s.attention == "softmax":
            self.softmax(attn)
        pattern = self.cache[f"{attn}.hook_pattern"]
        if s.attention == "linear":
            self.noise[f"{attn}.hook_pattern"] = self.draw(ROUNDING * math.sqrt(2) * np.abs(pattern))
        z = self.cache[f"{attn}.hook_z"]
        self.noise[f"{attn}.hook_z"] = self.draw(error_of_sum(z, np.einsum("bhij,bjhc->bihc", pattern**2, parts["v"] ** 2), s.tokens))
        if s.output == "linear":
            self.noise[f"{block}.hook_attn_out"] = self.linear(z.reshape(*z.shape[:2], -1), f"{attn}.output")

    def mlp_of_block(self, s, block):
        x = self.cache[f"{block}.hook_resid_mid"]
        x, error = self.normed(x, f"{block}.ln2") if s.norm == "pre" else (x, np.zeros_like(x))
        for index in range(s.mlp_layers - 1):
            number, name = "2" if index else "", f"{block}.mlp.{2 * index}"
            self.noise[f"{block}.mlp_at.hook_pre{number}"] = self.linear(x, name) + error @ self.weights[f"{name}.weight"].T
            x = self.cache[f"{block}.mlp_at.hook_post{number}"]
            if s.act_fn == "gelu_new":  # its exponential, and ten more roundings
                self.noise[f"{block}.mlp_at.hook_post{number}"] = self.draw(ROUNDING * math.sqrt(EXP + 10) * np.abs(x))
            error = np.zeros_like(x)
        self.residual(f"{block}.hook_resid_post")
        self.noise[f"{block}.hook_resid_post"] += self.linear(x, f"{block}.mlp.{2 * s.mlp_layers - 2}")

    def blocks(self):
        s = blocks_shape(self.config)
        self.read_in(s)
        for layer in range(s.n_layers):
            block = f"blocks.{layer}"
            self.heads(s, block)
            self.residual(f"{block}.hook_resid_mid" if s.has_mlp(layer) else f"{block}.hook_resid_post")
            if s.has_mlp(layer):
                self.mlp_of_block(s, block)
        x = self.cache[f"blocks.{s.n_layers - 1}.hook_resid_post"]
        x, error = self.normed(x, "ln_final") if s.norm == "pre" else (x, np.zeros_like(x))
        if s.readout == "linear":
            self.noise["hook_logit"] = (self.linear(x, "mlp.0") + error @ self.weights["mlp.0.weight"].T).reshape(self.cache["hook_logit"].shape)
            return
        self.mlp(x)
        self.noise["mlp.hook_pre"] += error @ self.weights["mlp.0.weight"].T
