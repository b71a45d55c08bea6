#!/usr/bin/python3
"""The system blocks against the same network in PyTorch, on one core, in turn: two layers of attention of width 128 on 17 tokens, batch 128.

usage: blocks.py [--icl build/release/icl] [--rounds R] [--seconds S]

Prints one JSON object: median milliseconds of a step in each round, their ratio, and the share of OpenBLAS's peak that icl's step reaches.
The PyTorch step takes tokens that are ready made, and no evaluation; icl's makes its own.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

ITEMS, D, WIDTH, HIDDEN, BATCH = 9, 63, 128, 128, 128
TOKENS = 2 * ITEMS - 1
CONFIG = f"""
model.system = "blocks"
model.hidden = {HIDDEN}
blocks.read_in = "linear"
blocks.d_model = {WIDTH}
blocks.norm = "none"
blocks.output = "none"
blocks.positions = "learned"
data.layout = "interleaved"
data.N = {ITEMS}
data.D = {D}
data.K = 1024
train.batch_size = {BATCH}
"""


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = torch.nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.register_buffer("future", torch.ones(TOKENS, TOKENS, dtype=torch.bool).triu(1))

    def forward(self, r):
        q, k, v = self.qkv(r).chunk(3, dim=-1)
        scores = (q @ k.transpose(1, 2) / WIDTH**0.5).masked_fill(self.future, float("-inf"))
        return r + torch.softmax(scores, dim=-1) @ v


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.read_in = torch.nn.Linear(D + 2, WIDTH, bias=False)
        self.positions = torch.nn.Parameter(torch.randn(TOKENS, WIDTH) / WIDTH**0.5)
        self.layers = torch.nn.Sequential(Layer(), Layer())
        self.mlp = torch.nn.Sequential(torch.nn.Linear(WIDTH, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, HIDDEN), torch.nn.ReLU(),
                                       torch.nn.Linear(HIDDEN, 1))

    def forward(self, tokens):
        return self.mlp(self.layers(self.read_in(tokens) + self.positions)[:, -1]).squeeze(-1)


def torch_step(seconds):
    """Median milliseconds."""
    model = Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, weight_decay=1e-10)
    tokens, y = torch.randn(BATCH, TOKENS, D + 2), torch.randint(2, (BATCH,)).float()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 20:
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.binary_cross_entropy_with_logits(model(tokens), y).backward()
        optimizer.step()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times[10:])


def icl_step(icl, config, seconds):
    words = [icl, "bench", config, "--threads", "1", "--seconds", str(seconds), "--json"]
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--icl", default=Path(__file__).resolve().parents[2] / "build/release/icl", help="the program to measure")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3, help="of each program in each round")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "blocks.toml"
        config.write_text(CONFIG)
        for _ in range(arguments.rounds):
            ours = icl_step(arguments.icl, config, arguments.seconds)
            rounds.append({"icl_ms": ours["ms_per_step"]["median"], "torch_ms": torch_step(arguments.seconds), "icl": ours})
    ratios = [one["torch_ms"] / one["icl_ms"] for one in rounds]
    json.dump({"ratio": {"median": statistics.median(ratios), "smallest": min(ratios), "largest": max(ratios)}, "rounds": rounds}, sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
