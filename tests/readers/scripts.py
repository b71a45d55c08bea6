"""Readers in other languages: scripts beside this one, which read a list of probes and print a value a line."""

import json
import re
import tempfile
from functools import lru_cache
from pathlib import Path

import h5py

from files import PROBES, run

HERE = Path(__file__).resolve().parent


@lru_cache(maxsize=None)
def values(command, path, probes):
    """What the script prints for all probes: it is started once a file."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="utf-8") as file:
        file.write("".join(probe.line() + "\n" for probe in probes))
        file.flush()
        lines = run(*command, path, file.name).rstrip("\n").split("\n")
    if len(lines) != len(probes):
        raise RuntimeError(f"{len(lines)} lines for {len(probes)} probes: {lines}")
    return dict(zip(probes, lines))


def with_script(*command):
    def read(path, probe):
        line = values(command, path, PROBES[path.stem])[probe]
        if line.startswith("error: "):
            raise LookupError(line)
        try:
            return float(line)
        except ValueError:
            return line.replace("\\n", "\n")
    return read


def with_r(package):
    return with_script("Rscript", "--vanilla", HERE / "reader.R", package)


def with_octave(how):
    return with_script("octave-cli", "--no-init-file", "--quiet", HERE / "reader.m", how)


def with_node(modules, library):
    """`modules`: the folder of node_modules."""
    return with_script("node", HERE / "reader.mjs", library, modules)


def plot_of_h5web(modules):
    """The default plot: the titles of its axes are looked for in the page, and the least and the greatest value beside the
    colours of a plane. Lists what is wrong."""
    def plot(path, expected):
        found = json.loads(run("node", HERE / "page.mjs", modules, path))
        wrong = list(found["errors"])
        drawn = [text.strip() for text in found["drawn"]]
        wrong += [f"{label!r} is not drawn, but {drawn}" for label in expected.labels if label not in drawn]
        if len(expected.axes) == 2:
            numbers = [float(text.replace("\u2212", "-")) for text in found["text"] if re.fullmatch(r"\u2212?[\d.]+e[-+]\d+", text)]
            with h5py.File(path) as file:
                values = file[expected.signal.path][:]
            ends = [float(f"{end:.3e}") for end in (values.min(), values.max())]
            if numbers != ends:
                wrong.append(f"the colours go from and to {numbers}, expected {ends}")
        return wrong
    return plot
