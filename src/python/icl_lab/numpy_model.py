"""The systems in numpy, in float64: what torch_model says in torch, without torch, and by the same names of places.

Each function of a system takes settings (full key -> value), weights (torch name -> array), items x [B, N, D], labels [B, N] and
at(name, value) -> value, which is called at each place in turn and may record or replace what is there. They give logits [B], or [B, L] of data.label_count = L
labels, which are then 1 to L in place of -1 and +1, or of the L = data.D symbols of chains. shapes(config) says which weights a system has.
"""

from dataclasses import dataclass

import numpy as np

from .read import BadInput


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
    code = label if has_one_entry(config) else np.concatenate([label == -1, label == 1], axis=-1)
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


@dataclass(frozen=True)
class BlocksShape:
    """The keys of [blocks], with what is meant where they are not set."""

    layout: str
    tokens: int   # T
    token: int    # entries of a token, without its position
    d_input: int  # what the read-in reads
    n_ctx: int
    n_layers: int
    n_heads: int
    d_model: int
    d_head: int
    d_mlp: int
    mlp_layers: int
    read_in: str
    norm: str
    positions: str
    shift: str
    attention: str
    attn_scale: str
    output: str
    mlp: str
    act_fn: str
    residual: str
    readout: str

    def has_mlp(self, layer):
        return self.mlp == "every" or (self.mlp == "inner" and layer + 1 < self.n_layers)


def blocks_shape(config):
    def key(name, otherwise):
        return config.get(f"blocks.{name}", otherwise)

    layout, N, token = config.get("data.layout", "concatenated"), int(config["data.N"]), token_width(config)
    tokens, positions = 2 * N - 1 if layout == "interleaved" else N, key("positions", "none")
    n_ctx = int(key("n_ctx", tokens))
    d_input = token + (n_ctx if positions == "onehot" else 0)
    d_model, n_heads = int(key("d_model", d_input)), int(key("n_heads", 1))
    return BlocksShape(
        layout=layout, tokens=tokens, token=token, d_input=d_input, n_ctx=n_ctx, n_layers=int(key("n_layers", 2)), n_heads=n_heads, d_model=d_model,
        d_head=int(key("d_head", d_model // n_heads)), d_mlp=int(key("d_mlp", 4 * d_model)), mlp_layers=int(key("mlp_layers", 2)),
        read_in=key("read_in", "none"), norm=key("norm", "pre"), positions=positions, shift=key("shift", "none"), attention=key("attention", "softmax"),
        attn_scale=key("attn_scale", "d_head"), output=key("output", "linear"), mlp=key("mlp", "none"), act_fn=key("act_fn", "relu"),
        residual=key("residual", "both"), readout=key("readout", "mlp"))


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
    """What a token of blocks holds for its label; zeros for 0. Nothing in a symbol of a chain."""
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
    elif s.token == x.shape[-1]:  # label vectors take the place of items
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


SYSTEMS = {"one_layer": one_layer, "multi_layer": multi_layer, "scalar_beta": scalar_beta, "minimal": minimal, "memoriser": memoriser,
           "blocks": blocks}


def label_count(config):
    """C, the logits of a sequence: 1 of two labels -1 and +1, or data.label_count, or the D symbols of chains."""
    return int(config["data.D"] if is_of_symbols(config) else config.get("data.label_count", 1))


def is_of_symbols(config):
    """Whether tokens are symbols of chains, without labels."""
    return config.get("data.task") == "chains"


def has_one_entry(config):
    """Whether the label, or the y of regression, stands in its token as it is."""
    return config["data.label_code"] == "scalar" or config.get("data.task") == "regression"


def has_label_vectors(config):
    """Whether labels have vectors of D entries, the rows of embed.labels.weight."""
    return config.get("data.label_vectors") == "gaussian"


def token_width(config):
    """X: of [x ; code of the label], or of x where label vectors take the place of items, or of a symbol."""
    D = int(config["data.D"])
    if is_of_symbols(config):
        return D
    if has_label_vectors(config):
        return D if config.get("data.layout") == "interleaved" else 2 * D
    if label_count(config) > 1:
        return D + label_count(config)
    return D + (1 if has_one_entry(config) else 2)


def shapes(config):
    """Torch name -> shape of all weights that a system of these settings has."""
    system, D, X, H = config["model.system"], int(config["data.D"]), token_width(config), int(config["model.hidden"])

    def mlp_shapes(name, width, out=1):
        layers = {"0": (H, width), "2": (H, H), "4": (out, H)}
        return {f"{name}.{layer}.weight": shape for layer, shape in layers.items()} | {f"{name}.{layer}.bias": shape[:1] for layer, shape in layers.items()}

    norm = {"to_embedding.0.weight": (X,), "to_embedding.0.bias": (X,)}
    if system == "memoriser":
        return mlp_shapes("mlp", D)
    if system == "minimal":
        return {"beta": (1,), "w": (1,)} | mlp_shapes("mlp", D)
    if system == "scalar_beta":
        return {"beta": (1,), "value.weight": (X, X)} | mlp_shapes("mlp", X)
    if system == "one_layer":
        return norm | {"qkv.weight": (3 * X, X)} | mlp_shapes("mlp", X)
    if system == "blocks":
        found = shapes_of_blocks(blocks_shape(config), mlp_shapes, label_count(config))
        return found | ({"embed.labels.weight": (label_count(config), D)} if has_label_vectors(config) else {})
    found = norm | mlp_shapes("mlp", X)
    for layer in range(count := int(config["model.layers"])):
        found[f"layers.{layer}.qkv.weight"] = (3 * X, X)
        found |= mlp_shapes(f"layers.{layer}.mlp", X, X) if layer + 1 < count else {}
    return found


def shapes_of_blocks(s, mlp_shapes, out):
    inner, width = s.n_heads * s.d_head, s.d_model
    found = mlp_shapes("mlp", width, out) if s.readout == "mlp" else {"mlp.0.weight": (out, width), "mlp.0.bias": (out,)}
    norms = [("embed.norm", s.token)] if s.norm == "input" else [("ln_final", width)] if s.norm == "pre" else []
    if s.read_in == "linear":
        found["embed.read_in.weight"] = (width, s.d_input)
    if s.positions == "learned":
        found["embed.positions.weight"] = (s.n_ctx, width)
    for layer in range(s.n_layers):
        block = f"blocks.{layer}"
        found[f"{block}.attn.qkv.weight"] = (3 * inner, width)
        found |= {f"{block}.attn.output.weight": (width, inner)} if s.output == "linear" else {}
        norms += [(f"{block}.ln1", width)] if s.norm == "pre" else []
        if not s.has_mlp(layer):
            continue
        norms += [(f"{block}.ln2", width)] if s.norm == "pre" else []
        widths = [width, *[s.d_mlp] * (s.mlp_layers - 1), width]
        for index, (columns, rows) in enumerate(zip(widths, widths[1:])):
            found |= {f"{block}.mlp.{2 * index}.weight": (rows, columns), f"{block}.mlp.{2 * index}.bias": (rows,)}
    return found | {f"{name}.{part}": (size,) for name, size in norms for part in ("weight", "bias")}


def check_weights(config, weights):
    """BadInput if these are not the weights, torch name -> array, of a system of these settings."""
    expected, found = shapes(config), {name: np.shape(value) for name, value in weights.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise BadInput(f"weights do not fit {config['model.system']}: {name} is {found.get(name, 'not there')}, "
                           f"and {expected.get(name, 'no parameter of that name')} is expected")


class Model:
    """A system with its weights, in float64: called with a Batch it gives logits [B], or [B, L]. What torch_model's modules have by these names does the same. BadInput if the
    weights are not those of these settings."""

    def __init__(self, config, weights):
        check_weights(config, weights)
        self.config = config
        self._weights = {name: value.astype(float) for name, value in weights.items()}

    def weights(self):
        """Torch name -> array in float64."""
        return self._weights

    def __call__(self, batch):
        return self._forward(batch, lambda name, value: value)

    def run_with_cache(self, batch, names_filter=None, fwd_hooks=()):
        """Logits, and the activations by name, all of them or those that are named, as hooks leave them."""
        cache = {}

        def keep(name, value):
            cache[name] = value
            return value

        logits = self._hooked(batch, fwd_hooks, keep)
        return logits, {name: cache[name] for name in chosen(self.config, cache, names_filter)}

    def run_with_hooks(self, batch, fwd_hooks):
        """Logits where hooks, (name of a place, function(value, hook)), see activations in turn, hook.name being the place; what a function gives, unless
        None, replaces the value."""
        return self._hooked(batch, fwd_hooks, lambda name, value: value)

    def _hooked(self, batch, hooks, then):
        def at(name, value):
            for place, function in hooks:
                given = function(value, hook=Place(name)) if place == name else None
                if given is not None and np.shape(given) != value.shape:
                    raise BadInput(f"what the hook of '{name}' gives is {np.shape(given)}, and {value.shape} is expected")
                value = value if given is None else np.asarray(given, dtype=float)
            return then(name, value)

        if hooks:
            names = []
            self._forward(batch[:1], lambda name, value: names.append(name) or value)
            chosen(self.config, names, [name for name, _ in hooks])
        return self._forward(batch, at)

    def _forward(self, batch, at):
        check_fits(self.config, batch)
        x, label = np.asarray(batch.x, dtype=float), np.asarray(batch.label)
        system = self.config["model.system"]
        more = {"places": places_of(blocks_shape(self.config), batch)} if system == "blocks" else {}
        return at("hook_logit", SYSTEMS[system](self.config, self._weights, x, label, at, **more))


@dataclass(frozen=True)
class Place:
    """What a hook is told of where it stands."""

    name: str


def chosen(config, places, names):
    """The names that are asked for, all if None; BadInput if a system has no place of one."""
    names = list(places) if names is None else [names] if isinstance(names, str) else list(names)
    for name in names:
        if name not in places:
            raise BadInput(f"{config['model.system']} has no place '{name}'; there are {', '.join(places)}")
    return names


def check_fits(config, batch):
    """BadInput if a system of these settings cannot read the batch."""
    if not (hasattr(batch, "x") and hasattr(batch, "label")):
        raise BadInput(f"a model is run on a Batch, as run.loader gives it or icl_lab.Batch(x, label) makes it, not on a {type(batch).__name__}")
    x, label, D = np.shape(batch.x), np.shape(batch.label), int(config["data.D"])
    if len(x) != 3 or x[2] != D or label != x[:2]:
        raise BadInput(f"x is {x} and labels are {label}, where [B, N, {D}] and [B, N] are expected")
