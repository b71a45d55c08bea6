"""Wrong systems, each by a mistake that people make: open_test.py (numpy) and torch_test.py hold that check refuses them."""

import inspect
import textwrap

# What stands in the source, and what stands there by mistake.
NUMPY_SCORES, TORCH_SCORES = 'np.einsum("bx,bnx->bn", q, k)', 'torch.einsum("bx,bnx->bn", q, k)'
IN_NUMPY = {
    ("one_layer", "no residual"): [("t[:, -1] + z", "z")],
    ("one_layer", "scores over sqrt(X)"): [(NUMPY_SCORES, f"{NUMPY_SCORES} / np.sqrt(q.shape[-1])")],
    ("one_layer", "norm behind the attention"): [("layer_norm(tokens_of(config, x, label, at), w)", "tokens_of(config, x, label, at)"),
                                                 ('mlp(at("blocks.0.hook_resid_post", t[:, -1] + z), w, at)',
                                                  'mlp(layer_norm(at("blocks.0.hook_resid_post", t[:, -1] + z), w), w, at)')],
    ("one_layer", "the target is not attended to"): [(NUMPY_SCORES, f"np.where(np.arange(k.shape[1]) + 1 < k.shape[1], {NUMPY_SCORES}, -np.inf)")],
    ("one_layer", "k, q, v"): [("q, k, v = np.split", "k, q, v = np.split")],
    ("one_layer", "v, k, q"): [("q, k, v = np.split", "v, k, q = np.split")],
    ("multi_layer", "a residual around the MLP"): [("x = mlp(", "x = x + mlp(")],
    ("multi_layer", "no causal mask"): [("np.where(future, -np.inf, q @ k.transpose(0, 2, 1))", "q @ k.transpose(0, 2, 1)")],
    ("scalar_beta", "no residual"): [("t[:, -1] + z", "z")],
    ("minimal", "the target is attended to"): [('(0 if config["model.attend_self"] else 1)', "0")],
}
IN_TORCH = {  # of OneLayer.forward
    "no residual": [("t[:, -1] + z", "z")],
    "scores over sqrt(X)": [(TORCH_SCORES, f"{TORCH_SCORES} / q.shape[-1] ** 0.5")],
    "norm behind the attention": [("self.to_embedding(self.tokens(x, label))", "self.tokens(x, label)"),
                                  ("block.hook_resid_post(t[:, -1] + z)", "self.to_embedding(block.hook_resid_post(t[:, -1] + z))")],
    "the target is not attended to": [(f"attn.hook_attn_scores({TORCH_SCORES})",
                                       f"attn.hook_attn_scores({TORCH_SCORES}).masked_fill(torch.arange(k.shape[1]) + 1 == k.shape[1], float('-inf'))")],
    "k, q, v": [("q, k, v = self.qkv", "k, q, v = self.qkv")],
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
