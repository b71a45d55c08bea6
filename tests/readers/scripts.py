"""Readers in other languages: scripts beside this one, which read a list of probes and print a value a line."""

import tempfile
from functools import lru_cache
from pathlib import Path

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
