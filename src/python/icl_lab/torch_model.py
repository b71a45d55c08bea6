"""The systems as torch modules: parameters by their names in run files, and places where activations are read and patched.

A module takes items x [B, N, D] and labels [B, N] (+1, -1; the target, last, has 0) and gives logits [B]; z > 0 says +1.
Each place is a torch.nn.Identity: register_forward_hook reads it, or replaces what it gives (run_with_cache and run_with_hooks do both for a Batch). Names are TransformerLens' where
it has them (torch_parts.hook_points(model) lists those of a system), without an axis for heads, as there is one head:

    hook_tokens                          [B, N, X]  what goes in: [x ; one-hot label], [x ; label], or x for minimal and memoriser
    blocks.L.hook_resid_pre              [B, N, X]  what the attention of layer L reads
    blocks.L.attn.hook_q, hook_k, hook_v
    blocks.L.attn.hook_attn_scores, hook_pattern    before and after the softmax; [B, N], the target's, or [B, N, N] in multi_layer
    blocks.L.attn.hook_z                            what attention adds: [B, X], [B, N, X] in multi_layer, [B] in minimal
    blocks.L.hook_resid_mid                         between attention and MLP of a layer that has an MLP of its own
    blocks.L.mlp.hook_pre, hook_post, hook_pre2, hook_post2    the two hidden layers of that MLP, before and after the ReLU
    blocks.L.hook_resid_post                        what the layer gives on; in the last one only the target's, [B, X]
    mlp.hook_pre, hook_post, hook_pre2, hook_post2  [B, H]  the MLP that gives the logit
    hook_logit                           [B]; [B, L] of data.label_count = L labels, which are 1 to L in place of +1 and -1; of symbols

In blocks they have axes for heads (Blocks), and there are hook_attn_out and mlp_at.hook_pre, ... in place of mlp.hook_pre, ... of a layer. There
model(*batch.tensors(), every=True) gives the logits behind each item or symbol, [B, N] or [B, N, L]: those that train.loss_at = every trains.

Needs torch. Shapes and the meaning of each system: experiments/systems.md.
"""

import math

import torch
from torch import nn

from .settings import check_weights, token_width
from .torch_blocks import Blocks
from .torch_parts import MLP_POINTS, Mlp, System, points


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


SYSTEMS = {"one_layer": OneLayer, "multi_layer": MultiLayer, "scalar_beta": ScalarBeta, "minimal": Minimal, "memoriser": Memoriser,
           "blocks": Blocks}


def load(config, weights, dtype=torch.float32):
    """The module of these settings with these weights (torch name -> array), in eval mode. BadInput, in one sentence, if they do not fit."""
    check_weights(config, weights)
    model = SYSTEMS[config["model.system"]](config).to(dtype)
    model.load_state_dict({name: torch.from_numpy(w.copy()) for name, w in weights.items()}, strict=True)
    return model.eval()
