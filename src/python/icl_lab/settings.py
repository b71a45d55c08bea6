"""What a system of given settings (full key -> value) is made of: how wide its tokens are, which weights it has, and whether weights and batches fit."""

from dataclasses import dataclass

import numpy as np

from .read import BadInput


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


def label_count(config):
    """C, the logits of a sequence: 1 of two labels -1 and +1 and of regression, or data.label_count, or D where tokens are symbols. Files of 0.1 lack `outputs`, and
    hold items with labels."""
    return int(config.get("outputs", config.get("data.label_count", 1)))


def is_of_symbols(config):
    """Whether tokens are one of D symbols, without labels."""
    return config.get("label_entries") == 0


def has_one_entry(config):
    """Whether the label, or the y of regression, stands in its token as it is."""
    return config.get("label_entries", 1 if config["data.label_code"] == "scalar" else 2) == 1


def has_label_vectors(config):
    """Whether labels have vectors of D entries, the rows of embed.labels.weight."""
    return config.get("data.label_vectors") == "gaussian"


def token_width(config):
    """X: of [x ; code of the label], or of x where label vectors take the place of items, or of a symbol. As the file says it (`X` of /model, which older files lack, of
    items with labels all)."""
    D = int(config["data.D"])
    if "X" in config:
        return int(config["X"])
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


def check_fits(config, batch):
    """BadInput if a system of these settings cannot read the batch."""
    if not (hasattr(batch, "x") and hasattr(batch, "label")):
        raise BadInput(f"a model is run on a Batch, as run.loader gives it or icl_lab.Batch(x, label) makes it, not on a {type(batch).__name__}")
    x, label, D = np.shape(batch.x), np.shape(batch.label), int(config["data.D"])
    if len(x) != 3 or x[2] != D or label != x[:2]:
        raise BadInput(f"x is {x} and labels are {label}, where [B, N, {D}] and [B, N] are expected")
