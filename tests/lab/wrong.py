"""Wrong systems, each by a mistake that people make: open_test.py (numpy) and torch_test.py hold that check refuses them."""

import inspect
import textwrap

# What stands in the source, and what stands there by mistake.
NUMPY_SCORES, TORCH_SCORES = 'np.einsum("bx,bnx->bn", q, k)', 'torch.einsum("bx,bnx->bn", q, k)'
NUMPY_TOKENS, TORCH_TOKENS = "tokens_of(config, x, label, at)", "self.tokens(x, label)"
RESIDUAL = ("t[:, -1] + z", "z")


def norm(variance, epsilon, affine="* w['to_embedding.0.weight'] + w['to_embedding.0.bias']"):
    """Another norm in place of numpy_model's."""
    return [("layer_norm(", f"(lambda t, w: (t - t.mean(-1, keepdims=True)) / np.sqrt({variance} + {epsilon}) {affine})(")]


def torch_norm(variance, epsilon):
    other = f"(lambda t: (t - t.mean(-1, keepdim=True)) / torch.sqrt({variance} + {epsilon}) * self.to_embedding[0].weight + self.to_embedding[0].bias)"
    return [("self.to_embedding(", f"{other}(")]


def rounded(kind):
    """Weights that were kept in fewer bits."""
    return [("w, at)[:, 0]", f"{{name: value.astype('{kind}').astype(float) for name, value in w.items()}}, at)[:, 0]")]


IN_NUMPY = {
    ("one_layer", "no residual"): [RESIDUAL],
    ("one_layer", "the residual is the token before the norm"): [("t[:, -1] + z", "tokens_of(config, x, label, lambda name, value: value)[:, -1] + z")],
    ("one_layer", "scores over sqrt(X)"): [(NUMPY_SCORES, f"{NUMPY_SCORES} / np.sqrt(q.shape[-1])")],
    ("one_layer", "norm behind the attention"): [(f"layer_norm({NUMPY_TOKENS}, w)", NUMPY_TOKENS),
                                                 ('mlp(at("blocks.0.hook_resid_post", t[:, -1] + z), w, at)',
                                                  'mlp(layer_norm(at("blocks.0.hook_resid_post", t[:, -1] + z), w), w, at)')],
    ("one_layer", "a second norm in front of the MLP"): [('mlp(at("blocks.0.hook_resid_post", t[:, -1] + z), w',
                                                          'mlp(layer_norm(at("blocks.0.hook_resid_post", t[:, -1] + z), w), w')],
    ("one_layer", "epsilon of the norm 1e-6"): norm("t.var(-1, keepdims=True)", 1e-6),
    ("one_layer", "epsilon of the norm beside the root"): [("layer_norm(", "(lambda t, w: (t - t.mean(-1, keepdims=True)) / (t.std(-1, keepdims=True) + 1e-5) "
                                                            "* w['to_embedding.0.weight'] + w['to_embedding.0.bias'])(")],
    ("one_layer", "variance over X - 1"): norm("t.var(-1, keepdims=True, ddof=1)", 1e-5),
    ("one_layer", "no gain, no bias"): norm("t.var(-1, keepdims=True)", 1e-5, ""),
    ("one_layer", "root mean square, mean left in"): norm("(t**2).mean(-1, keepdims=True)", 1e-5),
    ("one_layer", "the target is not attended to"): [(NUMPY_SCORES, f"np.where(np.arange(k.shape[1]) + 1 < k.shape[1], {NUMPY_SCORES}, -np.inf)")],
    ("one_layer", "the first token is not attended to"): [(NUMPY_SCORES, f"np.where(np.arange(k.shape[1]) > 0, {NUMPY_SCORES}, -np.inf)")],
    ("one_layer", "one-hot the other way round"): [(NUMPY_TOKENS, "tokens_of(config, x, -label, at)")],
    ("one_layer", "the target's code is that of -1"): [(NUMPY_TOKENS, "tokens_of(config, x, np.where(label == 0, -1, label), at)")],
    ("one_layer", "k, q, v"): [("q, k, v = np.split", "k, q, v = np.split")],
    ("one_layer", "v, k, q"): [("q, k, v = np.split", "v, k, q = np.split")],
    ("one_layer", "weights in half precision"): rounded("float16"),
    ("multi_layer", "a residual around the MLP"): [("x = mlp(", "x = x + mlp(")],
    ("multi_layer", "no residual around the attention"): [('x = x + at(f"{attn}.hook_z"', 'x = at(f"{attn}.hook_z"')],
    ("multi_layer", "no causal mask"): [("np.where(future, -np.inf, q @ k.transpose(0, 2, 1))", "q @ k.transpose(0, 2, 1)")],
    ("multi_layer", "the mask of the wrong triangle, but for the diagonal"): [("dtype=bool), 1)", "dtype=bool), 1).T")],
    ("multi_layer", "scores over sqrt(X)"): [("q @ k.transpose(0, 2, 1)", "q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])")],
    ("scalar_beta", "no residual"): [RESIDUAL],
    ("scalar_beta", "a norm of the tokens"): [("t = tokens_of(config, x, label, at)",
                                               "t = tokens_of(config, x, label, at); t = (t - t.mean(-1, keepdims=True)) / t.std(-1, keepdims=True)")],
    ("scalar_beta", "the target is not attended to"): [('np.einsum("bd,bnd->bn", x[:, -1], x)', 'np.where(label != 0, np.einsum("bd,bnd->bn", x[:, -1], x), -1e9)')],
    ("blocks", "no residual around the MLP"): [("r = r + y if s.residual", "r = y if s.residual")],
    ("blocks", "no last norm"): [('norm_of(r, w, "ln_final") if s.norm == "pre" else r', "r")],
    ("minimal", "the target is attended to"): [('(0 if config["model.attend_self"] else 1)', "0")],
    ("minimal", "w inside the softmax"): [('+ w["w"] * z', "+ z"), ('w["beta"] *', 'w["beta"] * w["w"] *')],
    ("minimal", "the MLP reads the sum of the items"): [("x[:, -1], w, at)", "x.sum(1), w, at)")],
    ("memoriser", "items of norm 1"): [('at("hook_tokens", x)', 'at("hook_tokens", x / np.linalg.norm(x, axis=-1, keepdims=True))')],
    ("memoriser", "weights in half precision"): rounded("float16"),
}
IN_TORCH = {  # of OneLayer.forward
    "no residual": [RESIDUAL],
    "scores over sqrt(X)": [(TORCH_SCORES, f"{TORCH_SCORES} / q.shape[-1] ** 0.5")],
    "norm behind the attention": [(f"self.to_embedding({TORCH_TOKENS})", TORCH_TOKENS),
                                  ("block.hook_resid_post(t[:, -1] + z)", "self.to_embedding(block.hook_resid_post(t[:, -1] + z))")],
    "epsilon of the norm 1e-6": torch_norm("t.var(-1, keepdim=True, unbiased=False)", 1e-6),
    "variance over X - 1": torch_norm("t.var(-1, keepdim=True)", 1e-5),
    "the target is not attended to": [(f"attn.hook_attn_scores({TORCH_SCORES})",
                                       f"attn.hook_attn_scores({TORCH_SCORES}).masked_fill(torch.arange(k.shape[1]) + 1 == k.shape[1], float('-inf'))")],
    "one-hot the other way round": [(TORCH_TOKENS, "self.tokens(x, -label)")],
    "k, q, v": [("q, k, v = self.qkv", "k, q, v = self.qkv")],
    "activations in bfloat16": [("block.hook_resid_post(t[:, -1] + z)", "block.hook_resid_post(t[:, -1] + z).bfloat16().double()")],
}


def planted(function, edits):
    """The function with these edits of its source; AssertionError if one does not stand there exactly once."""
    source = textwrap.dedent(inspect.getsource(function))
    for right, wrong in edits:
        if source.count(right) != 1:
            raise AssertionError(f"{function.__qualname__}: '{right}' stands {source.count(right)} times in its source")
        source = source.replace(right, wrong)
    scope = dict(function.__globals__)
    exec(source, scope)  # pylint: disable=exec-used
    return scope[function.__name__]
