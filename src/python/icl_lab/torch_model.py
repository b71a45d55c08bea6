"""The systems as torch modules: parameters by their names in run files, and places where activations are read and patched.

A module takes items x [B, N, D] and labels [B, N] (+1, -1; the target, last, has 0) and gives logits [B]; z > 0 says +1.
Each place is a torch.nn.Identity: register_forward_hook reads it, or replaces what it gives (run_with_cache and run_with_hooks do both for a Batch). Names are TransformerLens' where
it has them (hook_points(model) lists those of a system), without an axis for heads, as there is one head:

    hook_tokens                          [B, N, X]  what goes in: [x ; one-hot label], [x ; label], or x for minimal and memoriser
    blocks.L.hook_resid_pre              [B, N, X]  what the attention of layer L reads
    blocks.L.attn.hook_q, hook_k, hook_v
    blocks.L.attn.hook_attn_scores, hook_pattern    before and after the softmax; [B, N], the target's, or [B, N, N] in multi_layer
    blocks.L.attn.hook_z                            what attention adds: [B, X], [B, N, X] in multi_layer, [B] in minimal
    blocks.L.hook_resid_mid                         between attention and MLP of a layer that has an MLP of its own
    blocks.L.mlp.hook_pre, hook_post, hook_pre2, hook_post2    the two hidden layers of that MLP, before and after the ReLU
    blocks.L.hook_resid_post                        what the layer gives on; in the last one only the target's, [B, X]
    mlp.hook_pre, hook_post, hook_pre2, hook_post2  [B, H]  the MLP that gives the logit
    hook_logit                           [B]; [B, L] of data.label_count = L labels, which are 1 to L in place of +1 and -1; of the symbols of chains

In blocks they have axes for heads (Blocks), and there are hook_attn_out and mlp_at.hook_pre, ... in place of mlp.hook_pre, ... of a layer.

Needs torch. Shapes and the meaning of each system: experiments/systems.md.
"""

import math

import numpy as np
import torch
from torch import nn

from .numpy_model import Place, blocks_shape, check_fits, check_weights, chosen, has_label_vectors, has_one_entry, is_of_symbols, label_count, token_width
from .read import BadInput


def points(*names):
    """A module of identities."""
    module = nn.Module()
    for name in names:
        module.add_module(name, nn.Identity())
    return module


MLP_POINTS = ("hook_pre", "hook_post", "hook_pre2", "hook_post2")


class Mlp(nn.Module):
    """Linear, ReLU, Linear, ReLU, Linear, by the names of a torch.nn.Sequential, with places around the ReLUs."""

    def __init__(self, width, hidden, out=1, own_points=True):
        super().__init__()
        for index, layer in enumerate((nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, out))):
            self.add_module(str(index), layer)
        for name in MLP_POINTS if own_points else ():
            self.add_module(name, nn.Identity())

    def forward(self, x, at=None):
        """`at` has the places, if they are not this module's own."""
        at = at or self
        first, relu, second, relu2, last = (getattr(self, str(index)) for index in range(5))
        x = at.hook_post(relu(at.hook_pre(first(x))))
        return last(at.hook_post2(relu2(at.hook_pre2(second(x)))))


def tokens_of(x, label, scalar):
    """[x ; onehot]: label -1 is [1, 0], +1 is [0, 1], 0 (the target's) is [0, 0]; or [x ; label]."""
    label = label[..., None]
    if scalar:
        return torch.cat([x, label.to(x)], dim=-1)
    return torch.cat([x, (label == -1).to(x), (label == 1).to(x)], dim=-1)


class System(nn.Module):
    """What all have: the settings (full key -> value), and the places at both ends."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.items = int(config["data.D"])
        self.hidden = int(config["model.hidden"])
        self.scalar = has_one_entry(config)
        self.hook_tokens = nn.Identity()
        self.hook_logit = nn.Identity()

    def tokens(self, x, label):
        return self.hook_tokens(tokens_of(x, label, self.scalar))

    def attention_group(self):
        """The parameters whose decay is train.weight_decay_attention."""
        return []

    def weights(self):
        """Torch name -> numpy array in float64."""
        return {name: value.detach().double().cpu().numpy() for name, value in self.state_dict().items()}

    def run_with_cache(self, batch, names_filter=None, fwd_hooks=()):
        """Logits of a Batch, and the activations by name, all of them or those that are named, as hooks leave them."""
        names, cache = chosen(self.config, hook_points(self), names_filter), {}

        def keep(value, hook):
            cache[hook.name] = value

        return self.run_with_hooks(batch, [*fwd_hooks, *((name, keep) for name in names)]), cache

    def run_with_hooks(self, batch, fwd_hooks):
        """Logits of a Batch where hooks, (name of a place, function(value, hook)), see activations in turn, hook.name being the place; what a function
        gives, unless None, replaces the value. The module is afterwards as it was before."""
        chosen(self.config, hook_points(self), [name for name, _ in fwd_hooks])
        check_fits(self.config, batch)
        some = next(self.parameters())
        handles = []
        try:
            for name, function in fwd_hooks:
                handles.append(self.get_submodule(name).register_forward_hook(_as_forward_hook(function, Place(name))))
            shift = () if getattr(batch, "shift", None) is None else (torch.as_tensor(np.asarray(batch.shift)).long().to(some.device),)
            return self(torch.as_tensor(batch.x).to(some), torch.as_tensor(np.asarray(batch.label)).to(some.device), *shift)
        finally:
            for handle in handles:
                handle.remove()


def _as_forward_hook(function, place):
    def hook(_, __, value):
        given = function(value, hook=place)
        if given is not None and given.shape != value.shape:
            raise BadInput(f"what the hook of '{place.name}' gives is {tuple(given.shape)}, and {tuple(value.shape)} is expected")
        return given

    return hook


class OneLayer(System):
    def __init__(self, config):
        super().__init__(config)
        width = token_width(config)
        self.to_embedding = nn.Sequential(nn.LayerNorm(width))
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.mlp = Mlp(width, self.hidden)
        block = points("hook_resid_pre", "hook_resid_post")
        block.attn = points("hook_q", "hook_k", "hook_v", "hook_attn_scores", "hook_pattern", "hook_z")
        self.blocks = nn.ModuleList([block])

    def attention_group(self):
        return [*self.to_embedding.parameters(), *self.qkv.parameters()]

    def forward(self, x, label):
        block, attn = self.blocks[0], self.blocks[0].attn
        t = block.hook_resid_pre(self.to_embedding(self.tokens(x, label)))
        q, k, v = self.qkv(t).chunk(3, dim=-1)
        q, k, v = attn.hook_q(q[:, -1]), attn.hook_k(k), attn.hook_v(v)
        scores = attn.hook_attn_scores(torch.einsum("bx,bnx->bn", q, k))
        pattern = attn.hook_pattern(torch.softmax(scores, dim=-1))
        z = attn.hook_z(torch.einsum("bn,bnx->bx", pattern, v))
        return self.hook_logit(self.mlp(block.hook_resid_post(t[:, -1] + z)).squeeze(-1))


class ScalarBeta(System):
    def __init__(self, config):
        super().__init__(config)
        width = token_width(config)
        self.beta = nn.Parameter(torch.zeros(1))
        self.value = nn.Linear(width, width, bias=False)
        self.mlp = Mlp(width, self.hidden)
        block = points("hook_resid_post")
        block.attn = points("hook_v", "hook_attn_scores", "hook_pattern", "hook_z")
        self.blocks = nn.ModuleList([block])

    def attention_group(self):
        return [self.beta, *self.value.parameters()]

    def forward(self, x, label):
        block, attn = self.blocks[0], self.blocks[0].attn
        t = self.tokens(x, label)
        x = t[..., : self.items]
        scores = attn.hook_attn_scores(self.beta * torch.einsum("bd,bnd->bn", x[:, -1], x))
        pattern = attn.hook_pattern(torch.softmax(scores, dim=-1))
        z = attn.hook_z(torch.einsum("bn,bnx->bx", pattern, attn.hook_v(self.value(t))))
        return self.hook_logit(self.mlp(block.hook_resid_post(t[:, -1] + z)).squeeze(-1))


class MultiLayer(System):
    def __init__(self, config):
        super().__init__(config)
        width, count = token_width(config), int(config["model.layers"])
        self.to_embedding = nn.Sequential(nn.LayerNorm(width))
        self.layers, self.blocks = nn.ModuleList(), nn.ModuleList()
        for index in range(count):
            layer, block = nn.Module(), points("hook_resid_pre")
            layer.qkv = nn.Linear(width, 3 * width, bias=False)
            block.attn = points("hook_q", "hook_k", "hook_v", "hook_attn_scores", "hook_pattern", "hook_z")
            if index + 1 < count:
                layer.mlp = Mlp(width, self.hidden, width, own_points=False)
                block.hook_resid_mid = nn.Identity()
                block.mlp = points(*MLP_POINTS)
            block.hook_resid_post = nn.Identity()
            self.layers.append(layer)
            self.blocks.append(block)
        self.mlp = Mlp(width, self.hidden)
        if config["compat.frozen_readout"]:
            self.mlp.requires_grad_(False)

    def attention_group(self):
        return [*self.to_embedding.parameters(), *(p for layer in self.layers for p in layer.qkv.parameters())]

    def forward(self, x, label):
        x = self.to_embedding(self.tokens(x, label))
        future = torch.ones(x.shape[1], x.shape[1], device=x.device).triu(1).bool()
        for layer, block in zip(self.layers, self.blocks):
            attn = block.attn
            x = block.hook_resid_pre(x)
            q, k, v = layer.qkv(x).chunk(3, dim=-1)
            q, k, v = attn.hook_q(q), attn.hook_k(k), attn.hook_v(v)
            scores = attn.hook_attn_scores(torch.einsum("bix,bjx->bij", q, k).masked_fill(future, -math.inf))
            x = x + attn.hook_z(attn.hook_pattern(torch.softmax(scores, dim=-1)) @ v)
            if hasattr(layer, "mlp"):
                x = block.hook_resid_post(layer.mlp(block.hook_resid_mid(x), block.mlp))
            else:
                x = block.hook_resid_post(x[:, -1])
        return self.hook_logit(self.mlp(x).squeeze(-1))


class Memoriser(System):
    def __init__(self, config):
        super().__init__(config)
        self.mlp = Mlp(self.items, self.hidden)

    def forward(self, x, label):
        return self.hook_logit(self.mlp(self.hook_tokens(x)[:, -1]).squeeze(-1))


class Minimal(System):
    def __init__(self, config):
        super().__init__(config)
        self.attend_self = bool(config["model.attend_self"])
        self.w = nn.Parameter(torch.zeros(1))
        self.beta = nn.Parameter(torch.zeros(1))
        self.mlp = Mlp(self.items, self.hidden)
        block = nn.Module()
        block.attn = points("hook_attn_scores", "hook_pattern", "hook_z")
        self.blocks = nn.ModuleList([block])

    def attention_group(self):
        return [self.w, self.beta]

    def forward(self, x, label):
        attn, x, reach = self.blocks[0].attn, self.hook_tokens(x), label.shape[1] - (0 if self.attend_self else 1)
        scores = attn.hook_attn_scores(self.beta * torch.einsum("bd,bnd->bn", x[:, -1], x)[:, :reach])
        pattern = attn.hook_pattern(torch.softmax(scores, dim=-1))
        z = attn.hook_z((pattern * label[:, :reach].to(x)).sum(-1))
        return self.hook_logit(self.mlp(x[:, -1]).squeeze(-1) + self.w * z)


class Feedforward(nn.Sequential):
    """Matrices with a nonlinearity between them, by the names of a torch.nn.Sequential; `at` has the places around it."""

    def __init__(self, widths, act):
        steps = []
        for index, (width, out) in enumerate(zip(widths, widths[1:])):
            steps += [nn.ReLU() if act == "relu" else nn.GELU(approximate="tanh")] if index else []
            steps.append(nn.Linear(width, out))
        super().__init__(*steps)

    def forward(self, x, at):
        for index, step in enumerate(self):
            number = "" if index < 3 else "2"
            is_act = index % 2 == 1
            x = step(getattr(at, f"hook_pre{number}")(x) if is_act else x)
            x = getattr(at, f"hook_post{number}")(x) if is_act else x
        return x


def turned(v):
    """Rotary positions of v [B, T, H, C]: pairs (i, i + C/2) by the angle t 10000^(-2i/C)."""
    half = v.shape[-1] // 2
    angle = angles(v.shape[1], v.shape[-1]).to(v)[None, :, None, :]
    a, b = v[..., :half], v[..., half:]
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], dim=-1)


def angles(places, width):
    """[places, width/2] in float64."""
    pairs = torch.arange((width + 1) // 2, dtype=torch.float64)
    return torch.arange(places, dtype=torch.float64)[:, None] * 10000.0 ** (-2 * pairs / width)


class Blocks(System):
    """Places of the layers have an axis for heads, as in TransformerLens: hook_q, hook_k, hook_v, hook_z [B, T, H, C], hook_attn_scores and
    hook_pattern [B, H, T, T]; hook_attn_out [B, T, d_model] is what attention adds."""

    def __init__(self, config):
        super().__init__(config)
        self.shape = s = blocks_shape(config)
        self.outputs, self.symbols = label_count(config), is_of_symbols(config)
        self.embed = nn.Module()
        if has_label_vectors(config):
            self.embed.labels = nn.Embedding(self.outputs, self.items).requires_grad_(False)
        if s.norm == "input":
            self.embed.norm = nn.LayerNorm(s.token)
        if s.read_in == "linear":
            self.embed.read_in = nn.Linear(s.d_input, s.d_model, bias=False)
        if s.positions == "learned":
            self.embed.positions = nn.Embedding(s.n_ctx, s.d_model)
        self.blocks = nn.ModuleList([self.block(layer) for layer in range(s.n_layers)])
        if s.norm == "pre":
            self.ln_final = nn.LayerNorm(s.d_model)
        self.mlp = Mlp(s.d_model, self.hidden, self.outputs) if s.readout == "mlp" else nn.Sequential(nn.Linear(s.d_model, self.outputs))

    def block(self, layer):
        s, inner = self.shape, self.shape.n_heads * self.shape.d_head
        block = points("hook_resid_pre", "hook_attn_out")
        block.attn = points("hook_q", "hook_k", "hook_v", "hook_attn_scores", "hook_pattern", "hook_z")
        block.attn.qkv = nn.Linear(s.d_model, 3 * inner, bias=False)
        if s.output == "linear":
            block.attn.output = nn.Linear(inner, s.d_model, bias=False)
        if s.norm == "pre":
            block.ln1 = nn.LayerNorm(s.d_model)
        if s.has_mlp(layer):
            block.hook_resid_mid = nn.Identity()
            if s.norm == "pre":
                block.ln2 = nn.LayerNorm(s.d_model)
            block.mlp = Feedforward((s.d_model, *[s.d_mlp] * (s.mlp_layers - 1), s.d_model), s.act_fn)
            block.mlp_at = points(*MLP_POINTS[: 2 * (s.mlp_layers - 1)])
        block.hook_resid_post = nn.Identity()
        return block

    def attention_group(self):
        return [p for name, p in self.named_parameters() if not name.startswith("mlp.") and ".mlp." not in name]

    def code(self, label, like):
        """What a token holds for its label; zeros for 0. Nothing in a symbol of a chain."""
        if self.symbols:
            return like[..., :0]
        if self.outputs == 1:
            return tokens_of(like[..., :0], label, self.scalar)
        if hasattr(self.embed, "labels"):
            return self.embed.labels((label.long() - 1).clamp(min=0)) * (label != 0)[..., None].to(like)
        return (label[..., None] == torch.arange(1, self.outputs + 1, device=label.device)).to(like)

    def tokens(self, x, label):
        code = self.code(label, x)
        if self.shape.layout != "interleaved":
            return self.hook_tokens(torch.cat([x, code], dim=-1))
        if self.shape.token == self.items:  # label vectors take the place of items
            items, labels = x, code
        else:
            items, labels = torch.cat([x, torch.zeros_like(code)], dim=-1), torch.cat([torch.zeros_like(x), code], dim=-1)
        return self.hook_tokens(torch.stack([items, labels], dim=2).flatten(1, 2)[:, :-1])

    def read(self, t, shift):
        s, count = self.shape, t.shape[1]
        places = torch.arange(count, device=t.device)[None] + (0 if s.shift == "none" else shift[:, None])
        e = self.embed.norm(t) if s.norm == "input" else t
        if s.positions == "onehot":
            e = torch.cat([torch.eye(s.n_ctx).to(e)[places].expand(len(e), -1, -1), e], dim=-1)
        r = self.embed.read_in(e) if s.read_in == "linear" else e
        if s.positions == "learned":
            r = r + self.embed.positions.weight[places]
        if s.positions == "sinusoidal":
            angle = angles(count, s.d_model)
            r = r + torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)[:, : s.d_model].to(r)
        return r

    def attend(self, block, x):
        s, attn = self.shape, block.attn
        q, k, v = (part.unflatten(-1, (s.n_heads, s.d_head)) for part in attn.qkv(x).chunk(3, dim=-1))
        q, k, v = attn.hook_q(q), attn.hook_k(k), attn.hook_v(v)
        if s.positions == "rotary":
            q, k = turned(q), turned(k)
        count = x.shape[1]
        past = torch.ones(count, count, device=x.device).tril().bool()
        scores = torch.einsum("bihc,bjhc->bhij", q, k) * (s.d_head**-0.5 if s.attn_scale == "d_head" else 1)
        if s.attention == "softmax":
            pattern = torch.softmax(attn.hook_attn_scores(scores.masked_fill(~past, -math.inf)), dim=-1)
        else:
            pattern = attn.hook_attn_scores(scores.masked_fill(~past, 0)) / torch.arange(1, count + 1).to(x)[:, None]
        z = attn.hook_z(torch.einsum("bhij,bjhc->bihc", attn.hook_pattern(pattern), v)).flatten(2)
        return block.hook_attn_out(attn.output(z) if s.output == "linear" else z)

    def forward(self, x, label, shift=None):
        s = self.shape
        if shift is None and s.shift != "none":
            raise BadInput("a model with blocks.shift needs the shift of each sequence: model(*batch.tensors())")
        r = self.read(self.tokens(x, label), shift)
        for layer, block in enumerate(self.blocks):
            r = block.hook_resid_pre(r)
            r = r + self.attend(block, block.ln1(r) if s.norm == "pre" else r)
            if layer + 1 == s.n_layers:
                r = r[:, -1]
            if s.has_mlp(layer):
                r = block.hook_resid_mid(r)
                y = block.mlp(block.ln2(r) if s.norm == "pre" else r, block.mlp_at)
                r = r + y if s.residual == "both" else y
            r = block.hook_resid_post(r)
        z = self.mlp(self.ln_final(r) if s.norm == "pre" else r)
        return self.hook_logit(z.squeeze(-1) if self.outputs == 1 else z)


SYSTEMS = {"one_layer": OneLayer, "multi_layer": MultiLayer, "scalar_beta": ScalarBeta, "minimal": Minimal, "memoriser": Memoriser,
           "blocks": Blocks}


def hook_points(model):
    """Names of the places of a module, as model.get_submodule takes them."""
    return [name for name, module in model.named_modules() if name.rsplit(".", 1)[-1].startswith("hook_")]


def load(config, weights, dtype=torch.float32):
    """The module of these settings with these weights (torch name -> array), in eval mode. BadInput, in one sentence, if they do not fit."""
    check_weights(config, weights)
    model = SYSTEMS[config["model.system"]](config).to(dtype)
    model.load_state_dict({name: torch.from_numpy(w.copy()) for name, w in weights.items()}, strict=True)
    return model.eval()
