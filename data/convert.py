#!/usr/bin/python3
"""Writes a file of an earlier icl (format 2, whose 512 bytes of text stood in front) in format 3: the same numbers.

usage: convert.py OLD.h5 NEW.h5     of any kind: run, merged sweep, exported data, landscape

What changes: the 512 bytes stand at the end; text is of fixed length; NeXus says what to plot; merged files hold NaN where
ICL was not acquired (t_icl_step), and say from their series when it was lost. Needs python3-h5py and python3-xxhash.
"""

import os
import sys
import tomllib

import h5py
import numpy
import xxhash

FORMAT_VERSION = 3
BLOCK = 512
OF_SCALES = ("CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST")
SYSTEMS = ("one_layer", "multi_layer", "minimal", "memoriser")
PACKED = 8192  # values from which on a series of a merged file is compressed


def decoded(value):
    return value.decode() if isinstance(value, bytes) else value


def fixed(text, characters="utf-8"):
    """Text of fixed length with a NUL at its end; a list of texts has the length of the longest."""
    encoded = [t.encode() for t in text] if isinstance(text, list) else text.encode()
    longest = max(map(len, encoded), default=0) if isinstance(encoded, list) else len(encoded)
    return numpy.array(encoded, h5py.string_dtype(characters, longest + 1))


def put_attribute(item, name, value):
    """Text is of fixed length, but in the root group."""
    value = decoded(value)
    if isinstance(value, numpy.ndarray) and value.dtype.kind in "OS":
        value = [decoded(v) for v in value]
    if isinstance(value, (str, list)):
        value = value if item.name == "/" else fixed(value)
    elif isinstance(value, (bool, int)):
        value = numpy.int64(value)
    item.attrs[name] = value


def long_name(name):
    """As the program forms it."""
    return name if len(name) <= 3 else name.replace("_", " ").replace("icl", "ICL", 1).replace("iwl", "IWL", 1)


def copy_dataset(old, new, path):
    if h5py.check_string_dtype(old.dtype):
        text = decoded(old[()])
        new.create_dataset(path, data=fixed(text, "ascii" if text.isascii() else "utf-8"), track_times=False)
        return
    packing = {}
    if path.startswith("/metrics/") and old.ndim == 2 and old.size >= PACKED:
        length = min(old.shape[1], PACKED)
        packing = {"chunks": (min(old.shape[0], PACKED // length), length), "shuffle": True, "compression": 6}
    data = new.create_dataset(path, data=old[()], track_times=False, **packing)
    for name, value in old.attrs.items():
        if name not in OF_SCALES:
            put_attribute(data, name, value)
    described = old.attrs.get("long_name")
    if described is not None and not h5py.h5ds.is_scale(old.id):
        if "torch_name" in old.attrs:
            put_attribute(data, "long_name", old.attrs["torch_name"])
        else:
            put_attribute(data, "long_name", long_name(path.rsplit("/", 1)[1]))
            put_attribute(data, "description", described)


def copy(old, new):
    datasets = []

    def visit(name, item):
        path = "/" + name
        if isinstance(item, h5py.Group):
            new.require_group(path)
        elif item.dtype.names is None:
            copy_dataset(item, new, path)
            datasets.append(path)
        else:
            put_table(new, path, item.attrs["TITLE"], item[:])

    old.visititems(visit)
    for path in datasets:
        if h5py.h5ds.is_scale(old[path].id):
            new[path].make_scale(path.rsplit("/", 1)[1])
    for path in datasets:
        if h5py.h5ds.is_scale(old[path].id):
            continue
        for axis, dimension in enumerate(old[path].dims):
            for scale in dimension.values():
                new[path].dims[axis].attach_scale(new[scale.name])

    def attributes(item):
        for name, value in item.attrs.items():
            put_attribute(new[item.name], name, value)

    attributes(old)
    old.visititems(lambda _, item: attributes(item) if isinstance(item, h5py.Group) else None)


def put_table(new, path, title, rows):
    """A table as HDF5's high-level library writes it; its text columns are of fixed length already."""
    if path in new:
        del new[path], new[path + "_row"]
    table = new.create_dataset(path, data=rows, track_times=False)
    numbers = new.create_dataset(path + "_row", data=numpy.arange(len(rows)), track_times=False)
    numbers.make_scale(numbers.name.rsplit("/", 1)[1])
    table.dims[0].attach_scale(numbers)
    names = {f"FIELD_{i}_NAME": name for i, name in enumerate(rows.dtype.names)}
    for name, value in {"CLASS": "TABLE", "VERSION": "3.0", "TITLE": title, **names}.items():
        put_attribute(table, name, value)


STRETCH = {"from_step": 0, "program": "", "commit": "", "compiler": "", "compiler_flags": "", "build_type": "", "blas": "unknown",
           "blas_kernel_set": "unknown", "blas_threading": "unknown", "hdf5": "", "openmp": "", "fmt": "", "xxhash": "", "cpu": "",
           "cpus_available": 0, "threads": 0, "threads_at_work": 0, "host": "", "process": 0, "command_line": "", "time_started": "",
           "time_published": "", "wall_seconds": 0.0, "publications": 0, "publishing_seconds": 0.0}


def put_stretch(new, table):
    """What stood in attributes of /provenance, as a table of one row."""
    old = new["provenance"].attrs
    values = {name: decoded(old.get(name, default)) for name, default in STRETCH.items()}
    values["from_step"] = old.get("resumed_at_step", 0)
    values["threads_at_work"] = values["threads"]
    for name in list(old):
        del old[name]
    cells = {n: v.encode() if isinstance(v, str) else v for n, v in values.items()}
    kinds = [(n, f"S{max(1, len(v))}" if isinstance(v, bytes) else "f8" if isinstance(STRETCH[n], float) else "i8") for n, v in cells.items()]
    put_table(new, table, "what each process trained, and where", numpy.array([tuple(cells.values())], kinds))


def plot(new, group, signal, axes, title):
    for name, value in {"NX_class": "NXdata", "signal": signal, "axes": axes}.items():
        put_attribute(new[group], name, value)
    new[group].attrs["title"] = title  # of variable length: silx shows other text as Python's bytes
    new.attrs.update({"NX_class": "NXroot", "default": group})


def keys_of(config):
    return {f"{section}.{key}": value for section, keys in config.items() for key, value in keys.items()
            if section != "sweep" and not isinstance(value, (dict, list))}


def title_of(keys):
    return f"S{SYSTEMS.index(keys['model.system']) + 1}, K = {keys['data.K']}, N = {keys['data.N']}, seed {keys['train.seed']}"


def convert_run(new, keys):
    metrics = new["metrics"]
    plot(new, "metrics", "icl_accuracy", ["step"], title_of(keys))
    for name, value in {"K": float(keys["data.K"]), "N": keys["data.N"], "seed": keys["train.seed"], "system": keys["model.system"],
                        "status": new.attrs.get("status"), "stop_reason": new.attrs.get("stop_reason")}.items():
        if value is not None:
            put_attribute(metrics, name, value)
    put_attribute(new["config"], "data.K", float(keys["data.K"]))


def runs_of(old, keys):
    """The columns of /runs as format 3 has them."""
    rows, metrics = old["runs"][:], old["metrics"]
    steps, accuracy = metrics["step"][:], metrics["icl_accuracy"][:]
    acquired = rows["censored"] == 0
    t_icl = numpy.where(acquired, rows["t_icl_step"], numpy.nan)
    previous, lost = numpy.full(len(rows), numpy.nan), numpy.full(len(rows), numpy.nan)
    for i in numpy.flatnonzero(acquired):
        seen = ~numpy.isnan(accuracy[i])
        before = steps[seen & (steps < t_icl[i])]
        after = steps[seen & (steps > t_icl[i]) & (accuracy[i] < 0.9)]
        previous[i] = before[-1] if len(before) else numpy.nan
        lost[i] = after[0] if len(after) else numpy.nan
    horizon = numpy.ones(len(rows), "i8")
    for key in ("train.epochs", "train.steps_per_epoch"):
        horizon *= rows[key] if key in rows.dtype.names else keys[key]
    none = numpy.full(len(rows), numpy.nan)
    made = {"last_step": rows["steps"], "horizon": horizon, "numerics_version": rows["numerics_version"],
            "acquired": acquired.astype("i8"), "t_icl_step": t_icl, "t_icl_previous": previous, "t_lost_step": lost}
    for name in ("t_icl_step_refined", "theory_tau_star", "theory_t_icl_step_from_initial", "theory_t_icl_step_from_measured"):
        made[name] = rows[name] if name in rows.dtype.names else none
    gone = {*made, "steps", "censored"}
    names = list(rows.dtype.names)
    place = names.index("steps")
    columns = {n: rows[n] for n in names[:place]} | made | {n: rows[n] for n in names[place:] if n not in gone}
    table = numpy.empty(len(rows), [(n, rows.dtype[n] if n in names and n != "t_icl_step" else c.dtype) for n, c in columns.items()])
    for name, column in columns.items():
        table[name] = column
    return table


def convert_sweep(old, new, config, keys):
    table = runs_of(old, keys)
    put_table(new, "/runs", "one row a run", table)
    plot(new, "metrics", "icl_accuracy", ["run", "step"], f"{len(table)} runs")
    for name, value in {"units": "1", "long_name": "row of /runs"}.items():
        put_attribute(new["metrics/run"], name, value)
    varied = {"train.seed", *config["sweep"].get("axes", {})}
    for key, value in keys.items():
        if key not in varied:
            put_attribute(new["config"], key, float(value) if key == "data.K" else value)


def convert_data(new, keys):
    shown = [name for name in ("items", "batches", "icl_evaluation", "iwl_evaluation") if name in new]
    for group in {*shown, *("novel_items", "icl_equal_evaluation")} & set(new):
        what = "items" if "items" in group else "sequences"
        plot(new, group, "x", [scale[0].name.rsplit("/", 1)[1] for scale in new[group]["x"].dims], f"{what} of {title_of(keys)}")
    new.attrs["default"] = shown[0]


def block_of(title, lines, image):
    """The 512 bytes: see include/icl/store/envelope.hpp."""
    lines = lines | {"image_bytes": str(len(image)), "image_xxh128": xxhash.xxh3_128_hexdigest(image)}
    text = f"{title} {FORMAT_VERSION}\n" + "".join(f"{key} {value}\n" for key, value in lines.items()) + "block_xxh64 "
    padded = (text + "0" * 16).ljust(BLOCK, "\n").encode()
    return padded.replace(b"0" * 16 + b"\n", xxhash.xxh64_hexdigest(padded).encode() + b"\n", 1)


def read_block(path):
    """Title and lines of the 512 bytes in front; the content must match its hash."""
    if not os.path.isfile(path):
        sys.exit(f"convert.py: {path}: {'no regular file' if os.path.exists(path) else 'there is no such file'}")
    with open(path, "rb") as file:
        head, rest = file.read(BLOCK).decode("latin-1"), file.read()
    title, _, version = head.split("\n", 1)[0].rpartition(" ")
    if title not in ("icl run file", "icl sweep file", "icl data file") or version != "2":
        sys.exit(f"convert.py: {path}: not a file of icl with format 2 (512 bytes of text in front)")
    lines = dict(line.split(" ", 1) for line in head.strip("\n").split("\n")[1:])
    if lines.pop("image_xxh128") != xxhash.xxh3_128_hexdigest(rest):
        sys.exit(f"convert.py: {path}: damaged: its content does not match its hash")
    return title, {key: lines[key] for key in ("status", "step", "t_icl_step", "config_xxh128")}


def convert(old_path, new_path):
    title, lines = read_block(old_path)
    with h5py.File(old_path) as old, h5py.File("image", "w", driver="core", backing_store=False, libver="earliest") as new:
        kind = old.attrs["format"]
        if kind == "icl run" and old.attrs["format_version"] != 2:
            sys.exit(f"convert.py: {old_path}: a run of format {old.attrs['format_version']}, whose probes are not what they are today: "
                     "train it again")
        copy(old, new)
        new.attrs["format_version"] = numpy.int64(FORMAT_VERSION)
        config = tomllib.loads(old["config/toml"].asstr()[()]) if "config" in old else {}
        keys = keys_of(config)
        if "provenance" in new:
            put_stretch(new, "/provenance/stretches" if kind == "icl run" else "/provenance/merge")
        if kind == "icl run":
            convert_run(new, keys)
        elif kind == "icl sweep":
            convert_sweep(old, new, config, keys)
        elif kind == "icl data":
            convert_data(new, keys)
        else:
            plot(new, "landscape", "loss", ["w", "beta"], f"landscape of the minimal model, N = {old['landscape'].attrs['N']}")
        new.flush()
        image = new.id.get_file_image()
    write_new(new_path, image + block_of(title, lines, image))


def write_new(path, content):
    """The file is whole or not there at all."""
    part = os.path.join(os.path.dirname(path), f".convert.{os.getpid()}.part")
    try:
        with open(part, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        if os.path.exists(part):
            os.unlink(part)


def main(old_path, new_path):
    if os.path.lexists(new_path):
        sys.exit(f"convert.py: {new_path}: exists already; give another name")
    try:
        convert(old_path, new_path)
    except OSError as error:
        where = error.filename2 or error.filename or old_path
        sys.exit(f"convert.py: {where}: {error.strerror or error}")
    except (RuntimeError, KeyError, ValueError) as error:  # as h5py has them
        sys.exit(f"convert.py: {old_path}: cannot be read: {str(error).splitlines()[0]}")
    except KeyboardInterrupt:
        sys.exit("convert.py: interrupted")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    main(*sys.argv[1:])
