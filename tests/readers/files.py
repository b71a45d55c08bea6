"""One small file of each kind, made with `icl`, and what is read from each: numbers, columns of tables, attributes, text."""

import csv
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import h5py

KINDS = ("run", "sweep", "landscape", "export")
CONFIG = """
[model]
hidden = 24
[data]
K = 16
N = 4
D = 10
[train]
epochs = 10
steps_per_epoch = 25
batch_size = 64
learning_rate = 0.5
[eval]
sequences = 50
"""
INSIDE = """
[record]
activations = ["logit", "attention"]
probe_set = 6
"""
SWEEP = """
[sweep]
seeds = 2
[sweep.axes]
data.K = [16, "inf"]
"""


@dataclass(frozen=True)
class Probe:
    """One thing that a reader reads.

    value: the element at `index` (from 0, C order) of a dataset. column: that row of the column `name` of a table.
    attribute: `name` of a group. text: a whole dataset of text.
    """

    what: str
    path: str
    name: str = ""
    index: tuple = ()

    def line(self):
        return "\t".join((self.what, self.path, self.name or "-", ",".join(map(str, self.index)) or "-"))

    @property
    def notion(self):
        """What a reader must have a notion of to read it."""
        return "title" if self.name == "title" else self.what

    @property
    def group(self):
        return self.path.rsplit("/", 1)[0] or "/"

    @property
    def last(self):
        return self.path.rsplit("/", 1)[1]


PROBES = {
    "run": (Probe("value", "/metrics/icl_accuracy", index=(10,)), Probe("value", "/metrics/step", index=(10,)),
            Probe("value", "/snapshots/qkv.weight", index=(1, 2, 3)), Probe("attribute", "/metrics", "title"),
            Probe("attribute", "/metrics", "K"), Probe("attribute", "/metrics", "seed"), Probe("text", "/config/toml"),
            Probe("column", "/provenance/stretches", "blas", (0,)), Probe("column", "/provenance/stretches", "threads", (0,)),
            Probe("value", "/probe_set/x", index=(4, 1, 7)), Probe("value", "/probe_set/item", index=(5, 2)),
            Probe("value", "/activations/attention", index=(2, 5, 1)), Probe("value", "/activations/logit", index=(1, 3)),
            Probe("attribute", "/model", "forward"), Probe("attribute", "/model", "H")),
    "sweep": (Probe("value", "/metrics/icl_accuracy", index=(1, 10)), Probe("value", "/metrics/data.K", index=(3,)),
              Probe("attribute", "/metrics", "title"), Probe("text", "/config/toml"),
              Probe("column", "/runs", "final_icl_accuracy", (1,)), Probe("column", "/runs", "status", (2,)),
              Probe("column", "/runs", "data.K", (3,))),
    "landscape": (Probe("value", "/landscape/loss", index=(3, 5)), Probe("value", "/landscape/beta", index=(20,)),
                  Probe("attribute", "/landscape", "title"), Probe("attribute", "/landscape", "c2")),
    "export": (Probe("value", "/icl_evaluation/x", index=(0, 1, 2, 3)), Probe("value", "/items/x", index=(4, 7)),
               Probe("value", "/batches/label", index=(0, 2, 1)), Probe("attribute", "/items", "title"),
               Probe("value", "/weights/mlp.2.weight", index=(1, 2, 3)), Probe("value", "/weights/step", index=(1,)),
               Probe("text", "/config/toml")),
}


@dataclass(frozen=True)
class Plot:
    """What NeXus says to show: the plot's title, its signal, its axes, and the titles of what is drawn along x and y."""

    title: str
    signal: Probe
    axes: tuple
    labels: tuple


STEPS = "completed parameter updates"
PLOTS = {
    "run": Plot("S1, K = 16, N = 4, seed 0", PROBES["run"][0], ("step",), (STEPS, "ICL accuracy")),
    "sweep": Plot("4 runs", PROBES["sweep"][0], ("run", "step"), (STEPS, "run")),
    "landscape": Plot("landscape of the minimal model, N = 100", PROBES["landscape"][0], ("w", "beta"), ("beta", "w")),
    "export": Plot("items of S1, K = 16, N = 4, seed 0", PROBES["export"][1], ("item", "dimension"), ("dimension", "item")),
}


def run(*command, **options):
    """The output of a command, which must succeed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300, check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"status {done.returncode} of {' '.join(map(str, command))[:200]}\n{done.stdout}{done.stderr}")
    return done.stdout


def make(icl, folder):
    """A file of each kind in `folder`: kind -> path. The runs of the sweep stay in folder/results."""
    folder = Path(folder)
    (folder / "run.toml").write_text(CONFIG + INSIDE, encoding="utf-8")
    (folder / "sweep.toml").write_text(CONFIG + SWEEP, encoding="utf-8")
    files = {kind: folder / f"{kind}.h5" for kind in KINDS}
    run(icl, "train", folder / "run.toml", "--quiet", "--out", files["run"])
    run(icl, "sweep", folder / "sweep.toml", "--out", folder / "results")
    run(icl, "merge", folder / "results", "--out", files["sweep"])
    run(icl, "merge", folder / "results", "--out", folder / "sweep.csv")
    run(icl, "theory", "landscape", "--w", -0.5, 6, 14, "--beta", -2, 8, 21, "--out", files["landscape"])
    run(icl, "export", files["run"], "--items", "--batch", 0, "--evaluation", 250, "--weights", "100:200:50", "--out", files["export"])
    return files


def text_of(value):
    return value.decode() if isinstance(value, bytes) else value


def by_h5py(path, probe):
    """What h5py reads: a float, or text."""
    with h5py.File(path) as file:
        if probe.what == "attribute":
            value = file[probe.path].attrs[probe.name]
        elif probe.what == "column":
            value = file[probe.path][probe.name][probe.index]
        else:
            value = file[probe.path][probe.index]
    value = text_of(value)
    return value if isinstance(value, str) else float(value)


def by_icl(icl, files):
    """What `icl` itself says: the last ICL accuracy of the run, and of the sweep's second run."""
    final = json.loads(run(icl, "info", files["run"], "--json"))["final"]["icl_accuracy"]
    with open(files["sweep"].parent / "sweep.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {"run": final, "sweep": float(rows[1]["final_icl_accuracy"])}
