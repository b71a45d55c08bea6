#!/usr/bin/python3
"""Compares icl with PyTorch and writes the golden files that tests/run/parity_test.cpp reads.

    data/golden/make_golden.py --icl build/release/icl                all cases; rewrites data/golden/*.h5
    data/golden/make_golden.py --icl build/release/icl --paper-size   one case of the published size; keeps nothing

`icl train` makes a run and `icl export` its batches. The torch module of its system (icl_lab.torch_model) takes the weights of
step 0 by their torch names (strict) and trains on those batches in float64 and in float32. Exit status 1, and no
file changed, if the run's losses or final weights are further from torch's float64 than rounding explains.

Needs python3-torch and python3-h5py. The method and what was measured are in README.md beside this file.
"""

import argparse
import dataclasses
import math
import os
import pathlib
import subprocess
import sys
import tempfile

import h5py
import numpy
import torch

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1] / "src/python"))
from icl_lab.read import settings_of  # noqa: E402
from icl_lab.settings import blocks_shape, label_count  # noqa: E402
from icl_lab.torch_model import SYSTEMS  # noqa: E402

STEPS = 50
SMALL = {"model.hidden": 32, "data.N": 12, "data.D": 20, "data.K": 64, "train.batch_size": 8,
         "train.learning_rate": 0.1, "train.seed": 1}
ADAM = {"train.optimizer": '"adam"', "train.learning_rate": 0.002, "train.adam_epsilon": 0.05}
TINY = SMALL | {"model.system": '"multi_layer"', "model.hidden": 16, "data.N": 6, "train.batch_size": 4}
BLOCKS = SMALL | {"model.system": '"blocks"', "model.hidden": 16, "data.N": 6, "data.D": 10, "train.batch_size": 4, "train.seed": 21}
WIDE = {"blocks.read_in": '"linear"', "blocks.d_model": 16}
REDDY = WIDE | {"data.layout": '"interleaved"', "blocks.norm": '"none"', "blocks.output": '"none"'}
CASES = {
    "plain": SMALL,
    "decay": SMALL | {"train.weight_decay_attention": 3e-3, "train.weight_decay_mlp": 1e-3},
    "infinite": SMALL | {"data.K": "inf", "train.seed": 2},
    "scalar": SMALL | {"data.label_code": '"scalar"', "data.noise": 0.3, "train.seed": 3},
    "adam": SMALL | ADAM | {"train.weight_decay_mlp": 1e-3, "train.seed": 4},
    "adamw": SMALL | ADAM | {"train.optimizer": '"adamw"', "train.weight_decay_mlp": 0.5, "train.weight_decay_attention": 0.1,
                             "train.schedule": '"cosine"', "train.warmup": 10, "train.seed": 11},
    "clipped": SMALL | {"train.clip_norm": 0.05, "train.schedule": '"triangle"', "train.warmup": 5, "train.weight_decay_mlp": 1e-2,
                        "train.seed": 12},
    "adam_clipped": SMALL | ADAM | {"train.clip_norm": 0.05, "train.warmup": 20, "train.seed": 13},
    "two_layers": TINY | {"train.seed": 5},
    "three_layers": TINY | {"model.layers": 3, "compat.frozen_readout": "true", "train.seed": 5},
    "scalar_beta": SMALL | {"model.system": '"scalar_beta"', "model.beta0": 1.5, "train.seed": 10},
    "scalar_beta_code": SMALL | ADAM | {"model.system": '"scalar_beta"', "data.label_code": '"scalar"', "data.K": "inf",
                                        "train.seed": 6},
    "minimal": SMALL | {"model.system": '"minimal"', "model.beta0": 1.5, "model.w0": 0.5, "train.seed": 7},
    "minimal_self": SMALL | ADAM | {"model.system": '"minimal"', "model.w0": 0.2, "model.attend_self": "true", "data.K": "inf",
                             "train.seed": 8},
    "memoriser": SMALL | {"model.system": '"memoriser"', "train.seed": 9},
    "blocks": BLOCKS,
    "blocks_one_layer": BLOCKS | {"blocks.n_layers": 1, "blocks.norm": '"input"', "blocks.attn_scale": '"none"', "blocks.output": '"none"'},
    "blocks_heads": BLOCKS | WIDE | {"blocks.n_heads": 4, "blocks.positions": '"learned"', "blocks.n_ctx": 8, "data.K": "inf"},
    "blocks_rotary": BLOCKS | WIDE | ADAM | {"blocks.n_heads": 2, "blocks.d_head": 6, "blocks.positions": '"rotary"',
                                             "blocks.mlp": '"every"', "blocks.d_mlp": 20, "blocks.act_fn": '"gelu_new"'},
    "blocks_sinusoidal": BLOCKS | WIDE | {"blocks.positions": '"sinusoidal"', "blocks.mlp": '"every"', "blocks.d_mlp": 20,
                                          "blocks.norm": '"input"', "train.weight_decay_mlp": 1e-3, "train.seed": 22},
    "blocks_linear": BLOCKS | WIDE | {"blocks.attention": '"linear"', "blocks.n_layers": 3, "blocks.n_heads": 2,
                                      "blocks.readout": '"linear"', "model.hidden": 512, "train.weight_decay_attention": 3e-3,
                                      "train.learning_rate": 0.02},
    "blocks_inner": BLOCKS | {"blocks.n_layers": 3, "blocks.mlp": '"inner"', "blocks.mlp_layers": 3, "blocks.d_mlp": 16,
                              "blocks.residual": '"attention"', "blocks.norm": '"input"', "blocks.act_fn": '"gelu_new"'},
    "blocks_interleaved": BLOCKS | REDDY | {"blocks.positions": '"onehot"'},
    "blocks_interleaved_adamw": BLOCKS | REDDY | ADAM | {"train.optimizer": '"adamw"', "blocks.positions": '"rotary"',
                                                         "data.label_code": '"scalar"', "train.weight_decay_attention": 0.1},
    "blocks_clipped": BLOCKS | WIDE | {"blocks.n_heads": 2, "blocks.norm": '"none"', "blocks.positions": '"learned"', "data.layout": '"interleaved"',
                                       "train.clip_norm": 0.05, "train.schedule": '"cosine"'},
    "blocks_labels": BLOCKS | WIDE | {"data.label_count": 4, "train.seed": 23},
    "blocks_labels_linear": BLOCKS | WIDE | {"data.label_count": 7, "data.label_vectors": '"gaussian"', "blocks.readout": '"linear"', "model.hidden": 512,
                                             "blocks.positions": '"learned"', "data.K": "inf", "train.learning_rate": 0.02},
    "blocks_labels_interleaved": BLOCKS | WIDE | ADAM | {"data.label_count": 3, "data.layout": '"interleaved"', "blocks.positions": '"rotary"',
                                                         "blocks.n_heads": 2, "train.optimizer": '"adamw"', "train.weight_decay_attention": 0.1,
                                                         "train.learning_rate": 0.001},
    "blocks_reddy": BLOCKS | REDDY | {"data.label_count": 5, "data.label_vectors": '"gaussian"', "blocks.positions": '"onehot"', "data.noise": 0.1,
                                       "data.copies": 1, "data.novel": 0.3, "train.seed": 24},
    "blocks_chains_every": BLOCKS | {"data.task": '"chains"', "data.D": 5, "data.N": 10, "train.loss_at": '"every"', "blocks.positions": '"learned"',
                                     "blocks.read_in": '"linear"', "blocks.d_model": 12, "blocks.readout": '"linear"', "model.hidden": 512, "train.seed": 25},
    "blocks_items_every": BLOCKS | WIDE | ADAM | {"data.layout": '"interleaved"', "train.loss_at": '"every"', "blocks.positions": '"rotary"', "blocks.n_heads": 2,
                                                  "data.label_count": 3, "train.optimizer": '"adamw"',
                                                  "train.weight_decay_attention": 0.1, "train.learning_rate": 0.0005, "train.seed": 28},
    "blocks_regression": BLOCKS | WIDE | {"data.task": '"regression"', "data.noise": 0.3, "blocks.positions": '"learned"', "train.learning_rate": 0.02,
                                          "train.seed": 29},
    "blocks_regression_every": BLOCKS | WIDE | {"data.task": '"regression"', "data.K": "inf", "data.layout": '"interleaved"', "train.loss_at": '"every"',
                                                "blocks.attention": '"linear"', "blocks.n_heads": 2, "train.learning_rate": 0.02, "train.seed": 30},
}
PAPER_SIZE = {"model.hidden": 512, "data.N": 100, "data.D": 63, "data.K": 10000, "train.batch_size": 128,
              "train.learning_rate": 0.01, "train.seed": 1}


# ---- The run ----


@dataclasses.dataclass
class Run:
    toml: str
    config: dict      # by full key, as `icl` resolved it
    initial: dict     # torch name -> float32 weights of step 0
    final: dict       # the same after the last step
    loss: numpy.ndarray  # [T] of each step's batch, before its update
    x: torch.Tensor      # [T, B, N, D] float32
    label: torch.Tensor  # [T, B, N]
    answer: torch.Tensor  # [T, B], or with train.loss_at = every [T, B, N]; numbers in regression


def make_run(icl, settings):
    """Trains and exports in a temporary folder; one evaluation a step, so that every loss is recorded."""
    settings = settings | {"train.epochs": STEPS, "train.steps_per_epoch": 1, "eval.sequences": 16,
                           "record.snapshots": 2, "probe.sequences": 0}
    with tempfile.TemporaryDirectory() as folder:
        config, run, data = (os.path.join(folder, name) for name in ("case.toml", "run.h5", "data.h5"))
        pathlib.Path(config).write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
        batches = [word for step in range(STEPS) for word in ("--batch", str(step))]
        subprocess.run([icl, "train", config, "--out", run, "--quiet"], check=True)
        subprocess.run([icl, "export", run, "--out", data, *batches], check=True)
        with h5py.File(run) as r, h5py.File(data) as d:
            weights = {node.attrs["torch_name"].decode(): node[()] for node in r["snapshots"].values()
                       if "torch_name" in node.attrs}
            assert list(r["snapshots/step"]) == [0, STEPS] and list(d["batches/step"]) == list(range(STEPS))
            resolved = settings_of(r)
            every = resolved.get("train.loss_at") == "every"
            return Run(
                toml=r["config/toml"].asstr()[()],
                config=resolved,
                initial={name: w[0] for name, w in weights.items()},
                final={name: w[1] for name, w in weights.items()},
                loss=r["metrics/train_loss"][1:],
                **sequences(d["batches"], every))


def sequences(batches, every):
    """x, label and answer of what `icl export` gives; symbols of chains have no label. Of `every` item its label, of every symbol the next."""
    x = torch.from_numpy(batches["x"][()])
    if "y" in batches:  # of regression, where y stands for the label
        y = torch.from_numpy(batches["y"][()])
        return {"x": x, "label": torch.cat([y[..., :-1], torch.zeros_like(y[..., -1:])], dim=-1), "answer": y if every else y[..., -1]}
    answer = torch.from_numpy(batches["answer"][()])
    has_labels = "label" in batches
    label = torch.from_numpy(batches["label"][()]) if has_labels else torch.zeros(x.shape[:-1])
    if every:
        before = label[..., :-1] if has_labels else x[..., 1:, :].argmax(-1) + 1
        answer = torch.cat([before.to(answer), answer[..., None]], dim=-1)
    return {"x": x, "label": label, "answer": answer}


# ---- The same run in PyTorch ----


@dataclasses.dataclass
class Trajectory:
    logits: numpy.ndarray    # [T, B], or as many answers and outputs
    loss: numpy.ndarray      # [T]
    gradient_first: dict
    gradient_last: dict
    weights: dict            # after the last step
    gradient_path: dict      # sum over the steps of the gradient's largest magnitude
    before_relu: list        # for each ReLU its inputs [T, B, H]
    kink_path: dict          # sum over the steps of how much the gradient changes if ReLUs in doubt switch


def gradients(model, loss):
    """Of the trained parameters."""
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    return dict(zip(trained, torch.autograd.grad(loss, trained.values())))


def make_optimizer(run, model):
    attention = model.attention_group()
    others = [p for p in model.parameters() if p.requires_grad and not any(p is other for other in attention)]
    groups = [{"params": attention, "weight_decay": run.config["train.weight_decay_attention"]},
              {"params": others, "weight_decay": run.config["train.weight_decay_mlp"]}]
    groups = [group for group in groups if group["params"]]
    adam = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}.get(run.config["train.optimizer"])
    if adam is not None:
        return adam(groups, lr=run.config["train.learning_rate"], eps=run.config["train.adam_epsilon"],
                                betas=(run.config["train.adam_beta1"], run.config["train.adam_beta2"]))
    return torch.optim.SGD(groups, lr=run.config["train.learning_rate"])


def make_schedule(run, optimizer):
    """The share of the rate in step s = 0, 1, ..., as `icl keys schedule` and `icl keys warmup` say."""
    warmup = run.config["train.warmup"]
    after = {"constant": lambda p: 1, "cosine": lambda p: (1 + math.cos(math.pi * p)) / 2, "triangle": lambda p: 1 - p}
    share = after[run.config["train.schedule"]]
    return torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: (s + 1) / warmup if s < warmup else share((s - warmup) / max(STEPS - warmup, 1)))


def switched_relu(window):
    """A forward hook: ReLUs whose input is smaller than `window` take the other of their two branches."""
    return lambda _, inputs, output: torch.where(inputs[0].abs() < window, inputs[0] - output, output)


def has_cross_entropy(run):
    return label_count(run.config) > 1


def is_regression(run):
    return run.config.get("data.task") == "regression"


def mean_loss_of(run, logits, answer):
    if is_regression(run):
        return torch.nn.functional.mse_loss(logits, answer.to(logits))
    if has_cross_entropy(run):
        return torch.nn.functional.cross_entropy(logits.flatten(0, -2), answer.long().flatten() - 1)
    return torch.nn.functional.softplus(-answer.to(logits) * logits).mean()


def train_in_torch(run, dtype, windows=None):
    """`windows`, one for each ReLU: inputs of the ReLUs that are smaller may lie on either side of the kink."""
    model = SYSTEMS[run.config["model.system"]](run.config).to(dtype)
    model.load_state_dict({name: torch.from_numpy(w) for name, w in run.initial.items()}, strict=True)
    optimizer = make_optimizer(run, model)
    schedule = make_schedule(run, optimizer)
    clip_norm = run.config.get("train.clip_norm")
    relus = [module for module in model.modules() if isinstance(module, torch.nn.ReLU)]
    before_relu = [[] for _ in relus]
    for relu, inputs in zip(relus, before_relu):
        relu.register_forward_hook(lambda _, i, __, inputs=inputs: inputs.append(i[0].detach().double().numpy()))
    path = {name: 0.0 for name in run.initial}
    kinks = {name: 0.0 for name in run.initial}
    all_logits, all_loss, all_gradients = [], [], []
    for x, label, answer in zip(run.x, run.label, run.answer):
        x = x.to(dtype)
        mean_loss = lambda logits: mean_loss_of(run, logits, answer)
        every = {"every": True} if answer.dim() > 1 else {}
        logits = model(x, label, **every)
        loss = mean_loss(logits)
        g = gradients(model, loss)
        if windows is not None:
            hooks = [relu.register_forward_hook(switched_relu(window)) for relu, window in zip(relus, windows)]
            other = gradients(model, mean_loss(model(x, label, **every)))
            for hook in hooks:
                hook.remove()
            for name in g:
                kinks[name] = kinks[name] + (other[name] - g[name]).abs().numpy()
        for name, p in model.named_parameters():
            if name not in g:
                continue
            p.grad = g[name].clone()
            path[name] += float(g[name].abs().max())
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], clip_norm)
        optimizer.step()
        schedule.step()
        all_logits.append(logits.detach().numpy())
        all_loss.append(float(loss))
        all_gradients.append(g)
    as_arrays = lambda tensors: {name: t.detach().numpy().copy() for name, t in tensors.items()}
    return Trajectory(
        logits=numpy.array(all_logits), loss=numpy.array(all_loss),
        gradient_first=as_arrays(all_gradients[0]), gradient_last=as_arrays(all_gradients[-1]),
        weights=as_arrays(dict(model.named_parameters())), gradient_path=path,
        before_relu=[numpy.array(inputs) for inputs in before_relu],
        kink_path={name: float(numpy.max(kink)) for name, kink in kinks.items()})


# ---- How far float may be from the exact numbers: derived in README.md ----


def largest(array):
    return float(numpy.max(numpy.abs(array)))


def tolerances(run, exact):
    """Kind -> tensor -> tolerance, relative to the tensor's largest magnitude. A sum or chain of L roundings is off by
    6 sqrt(L) u; updates add up. No measured error enters (kink_path is 0 where no ReLU is in doubt)."""
    u = 2.0**-24
    x, n = int(run.config["data.D"]) + 2, int(run.config["data.N"])
    h, b = int(run.config["model.hidden"]), int(run.config["train.batch_size"])
    rate = run.config["train.learning_rate"]
    # Roundings on the longest path to a logit and to an entry of a gradient; each layer more has another attention, over
    # as many roundings, and another MLP. The paths of the minimal model and the memoriser are shorter.
    depth = int(run.config["model.layers"]) if run.config["model.system"] == "multi_layer" else 1
    if run.config["model.system"] == "blocks":  # the read-in and the readout count as a layer
        s = blocks_shape(run.config)
        x, n, h, depth = max(s.d_input, s.d_model, s.n_heads * s.d_head), s.tokens, max(h, s.d_mlp), s.n_layers + 1
    if run.config.get("train.loss_at") == "every":
        b *= int(run.config["data.N"])  # as many terms has a sum over all answers
    to_logit = 6 * math.sqrt(depth * (10 * x + 2 * n + 2 * h + 32)) * u
    to_gradient = 6 * math.sqrt(depth * (25 * x + 5 * n + 4 * h + b + 88)) * u
    roundings_of_w = 2
    if run.config["train.optimizer"] in ("adam", "adamw"):
        # An update is m / (sqrt(v) + epsilon): errors of g reach it over epsilon, once by m and up to three times by v
        # (|m| <= (1 - b1) / sqrt(1 - b2) sqrt(v), about 3.2). Six roundings of its own.
        rate *= 4.2 / run.config["train.adam_epsilon"]
    if run.config["train.optimizer"] == "adamw":
        roundings_of_w = 3  # its decay is one more
    if run.config.get("train.clip_norm") is not None:
        rate *= 2  # the norm that a gradient is divided by is off as much as the gradient, relatively
    # w_T = w_0 - rate sum_t g_t: two roundings of w a step (or three), and the errors of all g_t; they may all point one way.
    size = {name: max(largest(run.initial[name]), largest(w)) for name, w in exact.weights.items()}
    absolute = {name: roundings_of_w * STEPS * u * size[name] + to_gradient * rate * exact.gradient_path[name]
                + rate * exact.kink_path[name] for name in size}
    # What follows from weights that are off: relative errors of the five layers add up.
    layers = {}
    for name in size:
        layers.setdefault(name.rsplit(".", 1)[0], []).append(name)
    drift = sum(max(absolute[name] for name in names) / max(size[name] for name in names)
                for names in layers.values() if max(size[name] for name in names) > 0)
    logits = to_logit + drift
    slope = 2 if has_cross_entropy(run) else 1  # |d softplus| <= 1; of a cross entropy sum |p_c - [c = y]| <= 2
    if is_regression(run):
        slope = 2 * largest(exact.logits - run.answer.numpy())  # of (z - y)^2
    return {
        "logits": {"": logits},
        "loss": {"": slope * logits * largest(exact.logits) / largest(exact.loss)},
        "gradient_first": {name: to_gradient for name in size},
        "gradient_last": {name: to_gradient + 2 * drift for name in size},
        "weights": {name: absolute[name] / largest(w) for name, w in exact.weights.items()},
    }


def by_kind(trajectory):
    return {kind: value if isinstance(value, dict) else {"": value}
            for kind, value in vars(trajectory).items()
            if kind in ("logits", "loss", "gradient_first", "gradient_last", "weights")}


# ---- Comparing and writing ----


def compare(case, run, exact, single):
    """Prints a row for each number that may be compared; true if icl is within tolerance everywhere."""
    allowed = tolerances(run, exact)
    recorded = {"loss": {"": run.loss}, "weights": run.final}
    print(f"\n{case}: largest error / largest magnitude of the tensor, against PyTorch in float64")
    print(f"{'':38}{'icl':>10}{'torch f32':>11}{'tolerance':>11}")
    good = True
    for kind, tensors in by_kind(exact).items():
        for name, reference in tensors.items():
            error = lambda array: largest(array.astype(float) - reference) / largest(reference)
            mine = error(recorded[kind][name]) if kind in recorded else None
            bound = allowed[kind][name]
            beyond = mine is not None and not mine <= bound
            good = good and not beyond
            print(f"{kind + ' ' + name:38}{'in ctest' if mine is None else format(mine, '.1e'):>10}"
                  f"{error(by_kind(single)[kind][name]):>11.1e}{bound:>11.1e}{'  BEYOND' if beyond else ''}")
    return good


def check(case, icl, settings):
    """A run, PyTorch's float64 of it, and whether they agree."""
    run = make_run(icl, settings)
    exact, single = train_in_torch(run, torch.float64), train_in_torch(run, torch.float32)
    # The derivative jumps at the kink of a ReLU: no tolerance for rounding covers an input so close to 0 that
    # rounding decides its sign. In doubt: ten times as far as torch's own float32 is off.
    windows = [10 * largest(f - d) for f, d in zip(single.before_relu, exact.before_relu)]
    closest = min((numpy.min(numpy.abs(inputs)) / window for inputs, window in zip(exact.before_relu, windows)), default=math.inf)
    in_doubt = sum(int(numpy.sum(numpy.abs(inputs) < window)) for inputs, window in zip(exact.before_relu, windows))
    if in_doubt:
        exact = train_in_torch(run, torch.float64, windows)
    good = compare(case, run, exact, single)
    print(f"ReLU inputs so close to 0 that rounding may decide their sign: {in_doubt}; the closest to 0 is at {closest:.2g} times that distance")
    return run, exact, in_doubt, good


def write_golden(path, run, exact):
    """Equal numbers give equal bytes: contiguous datasets, fixed order, no times."""
    with h5py.File(path, "w", libver="earliest") as file:
        put = lambda name, value: file.create_dataset(name, data=value, track_times=False)
        file.attrs["format"] = "icl golden"
        file.attrs["torch_version"] = str(torch.__version__)
        text = run.toml.encode()
        put("config", numpy.array(text, h5py.string_dtype("utf-8", len(text))))  # of fixed length: icl reads no other text
        for name, value in run.initial.items():
            put("initial/" + name, value)
        allowed = tolerances(run, exact)
        for kind, tensors in by_kind(exact).items():
            for name, value in tensors.items():
                put(f"{kind}/{name}" if name else kind, value).attrs["float_tolerance"] = allowed[kind][name]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--icl", default=FOLDER.parents[1] / "build/release/icl", help="the program to compare")
    parser.add_argument("--paper-size", action="store_true", help="check once at the published size; keep nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.paper_size:
        return 0 if check("paper size", arguments.icl, PAPER_SIZE)[-1] else 1
    results = {case: check(case, arguments.icl, settings) for case, settings in CASES.items()}
    for case, (_, _, in_doubt, good) in results.items():
        if in_doubt:
            print(f"{case}: rounding decides the sign of a ReLU's input: give the case another train.seed")
        if in_doubt or not good:
            return 1
    for case, (run, exact, _, _) in results.items():
        write_golden(FOLDER / f"{case}.h5", run, exact)
    return 0


if __name__ == "__main__":
    sys.exit(main())
