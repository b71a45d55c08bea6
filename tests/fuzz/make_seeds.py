#!/usr/bin/python3
"""Writes the seeds of all fuzzers, and their dictionaries, from what the project has already.

usage: make_seeds.py ICL FOLDER

FOLDER/NAME/ holds the seeds of NAME_fuzz, FOLDER/NAME.dict its words.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).parents[2]
SECTIONS = ["model", "data", "train", "eval", "probe", "intervene", "stop", "record", "seed", "compat"]
SIGNATURES = ["TREE", "SNOD", "OHDR", "OCHK", "FRHP", "FHDB", "FHIB", "BTHD", "BTLF", "BTIN", "FAHD", "FADB", "EAHD",
              "EAIB", "EASB", "EADB", "GCOL", "HEAP", "FSHD", "FSSE", "SMTB", "SMLI", "\\x89HDF\\x0d\\x0a\\x1a\\x0a",
              "\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff"]
TINY = ["data.K=4", "data.N=2", "data.D=2", "model.hidden=1", "train.epochs=2", "train.steps_per_epoch=2",
        "train.batch_size=2", "eval.sequences=4", "record.snapshots=1", "probe.sequences=4"]


def write(folder, seeds):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in seeds.items():
        (folder / name).write_bytes(content)


def texts(icl):
    """All keys, one override each, and every experiment of the project as configuration and as sweep."""
    table = subprocess.run([icl, "keys"], check=True, capture_output=True, text=True).stdout
    keys = re.findall(r"^  ([a-z_]+\.[A-Za-z0-9_]+) +(not set|\S+)  ", table, re.M)
    assert len(keys) > 30, "icl keys prints its table in another way"
    files = sorted(ROOT.glob("experiments/*/*.toml")) + sorted(ROOT.glob("data/*/*.toml"))
    overrides = {f"set_{key}": b"\0" + f"{key}={value}".encode() for key, value in keys if value != "not set"}
    config = {f"file_{i}": b"\1" + file.read_bytes() for i, file in enumerate(files)}
    sweep = {f"scale{scale}_{i}": bytes([scale]) + file.read_bytes() for i, file in enumerate(files) for scale in range(3)}
    words = [key.split(".")[1] for key, _ in keys] + [key for key, _ in keys] + SECTIONS
    words += ["sweep", "axes", "scale", "set", "seeds", "base", "from", "to", "step", "log", "count", "times", "factor",
              "desk", "smoke", "inf", "nan", "true", "false", "1e300", "9007199254740993", "-0.0", "0x7f", "'''", "\\\"\\\"\\\""]
    return overrides | config, sweep, words


def runs(icl, folder):
    seeds = {}
    for name, settings in {
            "one_layer": [], "adam": ["train.optimizer=adam", "train.learning_rate=0.001", "eval.refine=true"],
            "scalar_beta": ["model.system=scalar_beta"], "minimal": ["model.system=minimal"], "memoriser": ["model.system=memoriser"],
            "multi_layer": ["model.system=multi_layer"]}.items():
        out = Path(folder) / f"{name}.h5"
        sets = [word for setting in TINY + settings for word in ("--set", setting)]
        (Path(folder) / "empty.toml").write_text("")
        subprocess.run([icl, "train", str(Path(folder) / "empty.toml"), *sets, "--out", out, "--quiet", "--threads", "1"],
                       check=True)
        seeds[name] = out.read_bytes()
    return seeds


def items(folder):
    seeds = {file.name: file.read_bytes() for file in (ROOT / "tests/run/foreign").glob("*.h5")}
    values = np.arange(30, dtype="f4").reshape(10, 3)
    packed = {"chunks": (4, 3), "compression": "gzip", "shuffle": True, "fletcher32": True}
    kinds = {"plain": {}, "packed": packed, "half": {"dtype": "f2"}, "small_chunks": {"chunks": (1, 2), "dtype": ">i2"},
             "extendible": {"maxshape": (None, 3), "chunks": (5, 3), "compression": 1}, "bool": {"dtype": "?"}}
    for libver in ("earliest", "latest"):
        for name, kind in kinds.items():
            path = Path(folder) / "items.h5"
            with h5py.File(path, "w", libver=libver) as file:
                file.create_dataset("train", data=values.astype(kind.get("dtype", "f4")), **kind)
                file["train_labels"] = np.arange(10) % 2
                file["train"].attrs["note"] = "text of any length"
            seeds[f"{name}_{libver}"] = path.read_bytes()
    return seeds


def main(icl, out):
    config, sweep, words = texts(icl)
    write(out / "config", config)
    write(out / "sweep", sweep)
    with tempfile.TemporaryDirectory() as folder:
        write(out / "run", runs(icl, folder))
        write(out / "items", items(folder))
    write(out / "table", {"zeros": bytes(64), "ones": b"\1" * 200, "steps": bytes(range(256))})
    for names, entries in {("config", "sweep"): words, ("run", "items"): SIGNATURES, ("table",): ["\\x78\\x9c"]}.items():
        for name in names:
            (out / f"{name}.dict").write_text("".join(f'"{entry}"\n' for entry in dict.fromkeys(entries)))


if __name__ == "__main__":
    main(str(Path(sys.argv[1]).resolve()), Path(sys.argv[2]))
