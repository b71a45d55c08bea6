#!/usr/bin/python3
"""The models trained in PyTorch, each step timed with its data: what `icl` is held against.

usage: baselines.py {plain,last_token,algebra,multi_layer,scalar_beta,blocks} [--seconds S] [--threads T] [--items K] [--length N]

S1, in three ways:

plain       the whole layer: queries, keys, values and causal attention of all tokens, then the last token's MLP
last_token  the query of the last token only, keys and values of all
algebra     no keys or values: q.k_j = (W_k^T W_q t).t_j and sum_j a_j v_j = W_v sum_j a_j t_j; tokens normalised once,
            LayerNorm's gain and bias folded in; the update in one call for all parameters
S2, S3 and a transformer of attention alone, in one:
multi_layer two layers of attention, an MLP of all tokens between them; queries of the second are the last tokens
scalar_beta one number in place of queries and keys, on raw tokens
blocks      two layers of attention of width 128 on 17 tokens, which are ready made, as Reddy (2024) has them

Prints one JSON object: the milliseconds of each step, the first ten (two of S2) left out.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import torch
from torch.nn.functional import embedding, layer_norm, linear

D, HIDDEN, BATCH, RATE = 63, 512, 128, 0.01
X = D + 2


class OneLayer(torch.nn.Module):
    """S1 of Nguyen & Reddy (2024)."""

    def __init__(self, length):
        super().__init__()
        self.future = torch.ones(length, length, dtype=torch.bool).triu(1)
        self.norm = torch.nn.LayerNorm(X)
        self.qkv = torch.nn.Linear(X, 3 * X, bias=False)
        self.mlp = torch.nn.Sequential(torch.nn.Linear(X, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, HIDDEN),
                                       torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 1))

    def plain(self, tokens):
        t = self.norm(tokens)
        q, k, v = self.qkv(t).chunk(3, dim=-1)
        attention = torch.softmax((q @ k.transpose(1, 2)).masked_fill(self.future, float("-inf")), dim=-1)
        return self.mlp((t + attention @ v)[:, -1])

    def last_token(self, tokens):
        t = self.norm(tokens)
        w_q, w_kv = self.qkv.weight[:X], self.qkv.weight[X:]
        k, v = linear(t, w_kv).chunk(2, dim=-1)
        attention = torch.softmax(k @ linear(t[:, -1], w_q).unsqueeze(2), dim=1)
        return self.mlp(t[:, -1] + (attention.transpose(1, 2) @ v).squeeze(1))

    def algebra(self, n):
        g, b = self.norm.weight, self.norm.bias
        w_q, w_k, w_v = self.qkv.weight.chunk(3)
        t = torch.addcmul(b, g, n[:, -1])
        u = g * (linear(t, w_q) @ w_k)
        attention = torch.softmax(u.unsqueeze(1) @ n.transpose(1, 2), dim=2)
        m = (attention @ n).squeeze(1)
        return self.mlp(t + linear(torch.addcmul(b, g, m), w_v))


class MultiLayer(torch.nn.Module):
    """S2 with two layers: no residual around the MLP."""

    def __init__(self, length):
        super().__init__()
        self.future = torch.ones(length, length, dtype=torch.bool).triu(1)
        self.norm = torch.nn.LayerNorm(X)
        self.qkv = torch.nn.ModuleList(torch.nn.Linear(X, 3 * X, bias=False) for _ in range(2))
        between = [torch.nn.Linear(X, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, HIDDEN), torch.nn.ReLU()]
        readout = [torch.nn.Linear(X, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, HIDDEN), torch.nn.ReLU()]
        self.between = torch.nn.Sequential(*between, torch.nn.Linear(HIDDEN, X))
        self.mlp = torch.nn.Sequential(*readout, torch.nn.Linear(HIDDEN, 1))

    def multi_layer(self, tokens):
        t = self.norm(tokens)
        q, k, v = self.qkv[0](t).chunk(3, dim=-1)
        attention = torch.softmax((q @ k.transpose(1, 2)).masked_fill(self.future, float("-inf")), dim=-1)
        t = self.between(t + attention @ v)
        w_q, w_kv = self.qkv[1].weight[:X], self.qkv[1].weight[X:]
        k, v = linear(t, w_kv).chunk(2, dim=-1)
        attention = torch.softmax(k @ linear(t[:, -1], w_q).unsqueeze(2), dim=1)
        return self.mlp(t[:, -1] + (attention.transpose(1, 2) @ v).squeeze(1))


class ScalarBeta(torch.nn.Module):
    """S3: scores beta x_N . x_j."""

    def __init__(self, length):
        super().__init__()
        self.beta = torch.nn.Parameter(torch.ones(1))
        self.value = torch.nn.Linear(X, X, bias=False)
        self.mlp = torch.nn.Sequential(torch.nn.Linear(X, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, HIDDEN),
                                       torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 1))

    def scalar_beta(self, tokens):
        items = tokens[..., :D]
        attention = torch.softmax(self.beta * (items @ items[:, -1].unsqueeze(2)), dim=1)
        return self.mlp(tokens[:, -1] + (attention.transpose(1, 2) @ self.value(tokens)).squeeze(1))


class Blocks(torch.nn.Module):
    """Read-in, learned positions, two layers of one head with residual, and an MLP on the last token."""

    WIDTH, TOKENS = 128, 17

    def __init__(self, _):
        super().__init__()
        self.future = torch.ones(self.TOKENS, self.TOKENS, dtype=torch.bool).triu(1)
        self.read_in = torch.nn.Linear(X, self.WIDTH, bias=False)
        self.positions = torch.nn.Parameter(torch.randn(self.TOKENS, self.WIDTH) / self.WIDTH**0.5)
        self.qkv = torch.nn.ModuleList(torch.nn.Linear(self.WIDTH, 3 * self.WIDTH, bias=False) for _ in range(2))
        self.mlp = torch.nn.Sequential(torch.nn.Linear(self.WIDTH, self.WIDTH), torch.nn.ReLU(), torch.nn.Linear(self.WIDTH, self.WIDTH),
                                       torch.nn.ReLU(), torch.nn.Linear(self.WIDTH, 1))

    def blocks(self, tokens):
        r = self.read_in(tokens) + self.positions
        for qkv in self.qkv:
            q, k, v = qkv(r).chunk(3, dim=-1)
            scores = (q @ k.transpose(1, 2) / self.WIDTH**0.5).masked_fill(self.future, float("-inf"))
            r = r + torch.softmax(scores, dim=-1) @ v
        return self.mlp(r[:, -1])


MODELS = {"plain": OneLayer, "last_token": OneLayer, "algebra": OneLayer, "multi_layer": MultiLayer, "scalar_beta": ScalarBeta,
          "blocks": Blocks}


class Data:
    """K items with labels; sequences of N tokens in which a copy of the target is always present."""

    def __init__(self, items, length, normalised):
        x = torch.randn(items, D) / D**0.5
        self.label = torch.ones(items).index_fill_(0, torch.randperm(items)[: items // 2], -1.0)
        onehot = torch.stack([self.label < 0, self.label > 0], dim=1).float()
        # Rows 0 to K-1 as context, K to 2K-1 as target: one gather makes a batch.
        self.table = torch.cat([torch.cat([x, onehot], dim=1), torch.cat([x, torch.zeros(items, 2)], dim=1)])
        if normalised:
            self.table = layer_norm(self.table, (X,))
        self.items, self.length = items, length

    def batch(self):
        index = torch.randint(self.items, (BATCH, self.length))
        target = index[:, :-1].gather(1, torch.randint(self.length - 1, (BATCH, 1))).squeeze(1)
        index[:, -1] = self.items + target
        return embedding(index, self.table), (self.label[target] > 0).float()


class ReadyMade:
    """One batch, again and again."""

    def __init__(self, tokens):
        self.made = torch.randn(BATCH, tokens, X), torch.randint(2, (BATCH,)).float()

    def batch(self):
        return self.made


def train(way, seconds, items, length):
    model = MODELS[way](length)
    data = ReadyMade(Blocks.TOKENS) if way == "blocks" else Data(items, length, normalised=way == "algebra")
    forward, loss = getattr(model, way), torch.nn.BCEWithLogitsLoss()
    parameters = list(model.parameters())
    optimiser = torch.optim.SGD(parameters, lr=RATE)

    def step():
        tokens, answer = data.batch()
        value = loss(forward(tokens).squeeze(1), answer)
        if way != "algebra":
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
        else:
            gradients = torch.autograd.grad(value, parameters)
            with torch.no_grad():
                torch._foreach_add_(parameters, gradients, alpha=-RATE)

    warm_up, times = 10 if way != "multi_layer" else 2, []
    while len(times) < warm_up + 5 or sum(times[warm_up:]) < 1e3 * seconds:
        begin = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - begin))
    return times[warm_up:]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=MODELS)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--items", type=int, default=10000)
    parser.add_argument("--length", type=int, default=100)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    times = train(arguments.way, arguments.seconds, arguments.items, arguments.length)
    libraries = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "blas" in line or "mkl" in line}
    if not any("openblas" in name or "mkl" in name for name in libraries):
        sys.exit(f"PyTorch multiplies with {libraries or 'no BLAS'}: nothing to compare with")
    print(json.dumps({"torch": torch.__version__, "blas": sorted(libraries), "ms": times}))


if __name__ == "__main__":
    main()
