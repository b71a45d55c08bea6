"""The system blocks as a torch module; see torch_model.py."""

import math

import torch
from torch import nn

from .read import BadInput
from .settings import blocks_shape, has_label_vectors, is_of_symbols, label_count
from .torch_parts import MLP_POINTS, Mlp, System, points, tokens_of


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
        """What a token holds for its label; zeros for 0. Nothing in a symbol."""
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
        if hasattr(self.embed, "labels"):  # label vectors take the place of items
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

    def forward(self, x, label, shift=None, every=False):
        """Logits of the target, or with `every` [B, N] and [B, N, L], behind each item or symbol: what train.loss_at = every trains."""
        s = self.shape
        if shift is None and s.shift != "none":
            raise BadInput("a model with blocks.shift needs the shift of each sequence: model(*batch.tensors())")
        r = self.read(self.tokens(x, label), shift)
        for layer, block in enumerate(self.blocks):
            r = block.hook_resid_pre(r)
            r = r + self.attend(block, block.ln1(r) if s.norm == "pre" else r)
            if layer + 1 == s.n_layers:
                r = r[:, :: 2 if s.layout == "interleaved" else 1] if every else r[:, -1]
            if s.has_mlp(layer):
                r = block.hook_resid_mid(r)
                y = block.mlp(block.ln2(r) if s.norm == "pre" else r, block.mlp_at)
                r = r + y if s.residual == "both" else y
            r = block.hook_resid_post(r)
        z = self.mlp(self.ln_final(r) if s.norm == "pre" else r)
        return self.hook_logit(z.squeeze(-1) if self.outputs == 1 else z)
