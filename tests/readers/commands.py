"""Readers that are programs: ncdump and NCO. Each is a function of a file's path and a probe, and returns a float or text."""

import re

import h5py
import numpy as np

from files import run


def unescaped(text):
    """Text as CDL has it."""
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m.group(1), m.group(1)), text)


def scalar(text):
    """A constant as CDL has it: text, or a number with its suffix."""
    text = text.strip()
    if text.startswith('"'):
        return unescaped(text[1:-1])
    return float(text.rstrip("bslLfd") if not text.lower().startswith(("inf", "nan")) else text.rstrip("fd"))


def part_of(cdl, path):
    """What CDL says of a group."""
    name = path.strip("/")
    return cdl.split(f"group: {name} {{", 1)[-1].split("group: ", 1)[0]


def attribute(cdl, path, name):
    found = re.search(rf'^\s*(?:string )?:{re.escape(name)} = ("(?:[^"\\]|\\.)*"|[^;]*?) ;$', part_of(cdl, path), re.MULTILINE)
    if not found:
        raise LookupError(f"no attribute {name}")
    return scalar(found.group(1))


def with_ncdump(path, probe):
    if probe.what == "attribute":
        return attribute(run("ncdump", "-h", path), probe.path, probe.name)
    data = part_of(run("ncdump", "-p", "9,17", "-v", probe.path, path), probe.group).split("data:", 1)[-1]
    found = re.search(rf'^\s*{re.escape(probe.last)} =\s*((?:"(?:[^"\\]|\\.)*"|[^;"])*?) ;$', data, re.MULTILINE)
    if not found:
        raise LookupError(f"{probe.path} is not shown")
    if probe.what == "text":
        return unescaped("".join(re.findall(r'"((?:[^"\\]|\\.)*)"', found.group(1))))
    # Single precision is printed with 9 digits, which name one number.
    return element(path, probe, [scalar(word) for word in found.group(1).split(",")])


def element(path, probe, values):
    """Of all values in C order, the one at the index, in the dataset's precision."""
    with h5py.File(path) as file:
        data = file[probe.path]
        return float(data.dtype.type(values[np.ravel_multi_index(probe.index, data.shape)]))


def with_nco(path, probe):
    if probe.what == "attribute":
        return attribute(run("ncks", "-m", "-M", "-g", probe.path, path), probe.path, probe.name)
    command = ["ncks", "-C", "-H", "-g", probe.group, "-v", probe.last]
    if probe.what == "value":
        with h5py.File(path) as file:
            data = file[probe.path]
            form = "%.17g" if data.dtype.kind == "f" else "%lld" if data.dtype.itemsize == 8 else "%d"
            names = [data.name.rsplit("/", 1)[1]] if h5py.h5ds.is_scale(data.id) else \
                [d[0].name.rsplit("/", 1)[1] for d in data.dims]
        for name, i in zip(names, probe.index):
            command += ["-d", f"{name},{i},{i}"]
        return float(run(*command, "-s", form + "\n", path).split()[0])
    found = re.search(r'= "((?:[^"\\]|\\.)*)" ;', run(*command, path))
    if not found:
        raise LookupError(f"{probe.path} is not shown")
    return unescaped(found.group(1))
