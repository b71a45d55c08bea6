"""Files of icl: merged sweeps, runs, landscapes, probe files and exports."""

import tomllib
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np

BLOCK_BYTES = 512  #: of the block of text at the end of each file
FORMAT_VERSION = 3


class BadInput(Exception):
    """A file or folder that cannot be used, in one sentence."""


def block_of(path):
    """The lines of a file's last block as a dict: hash of the settings, status, step."""
    with open(path, "rb") as file:
        file.seek(0, 2)
        file.seek(max(file.tell() - BLOCK_BYTES, 0))
        text = file.read().decode("utf-8", "replace")
    return dict(line.split(" ", 1) for line in text.splitlines() if " " in line)


def text_of(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def attributes_of(group):
    """The attributes of an opened group or dataset by name, text as str."""
    return {name: text_of(value) if isinstance(value, bytes) else value for name, value in group.attrs.items()}


def settings_of(file):
    """Full key -> value of an open run file, all resolved, and the sizes that follow from its task, where its /model has them: `X`, the entries of a token,
    `label_entries`, those of a label's code or of the y (none in a symbol), and `outputs`, the entries of a logit."""
    words = attributes_of(file["model"]) if "model" in file else {}
    return attributes_of(file["config"]) | {name: int(words[name]) for name in ("X", "label_entries", "outputs") if name in words}


def kind_of(path):
    """"run", "sweep", or of the "icl data files": "landscape", "probe" or "data" (an export); of a whole file of icl, as its attribute `format` says. BadInput for anything else."""
    path = Path(path)
    if not path.is_file():
        raise BadInput(f"'{path}': there is no such file" if not path.exists() else f"'{path}' is no file")
    try:
        with h5py.File(path) as file:
            text, version = text_of(file.attrs.get("format", "")), file.attrs.get("format_version", 0)
    except OSError as error:
        raise BadInput(f"'{path}' cannot be opened as HDF5: it is cut short, damaged or of another kind ({error})") from None
    if not text.startswith("icl "):
        raise BadInput(f"'{path}' was not written by icl")
    if int(version) != FORMAT_VERSION:
        raise BadInput(f"'{path}' is of format {int(version)}, and this program reads format {FORMAT_VERSION}; icl info says what to do")
    block = block_of(path)
    if block.get("image_bytes", "").isdigit() and int(block["image_bytes"]) + BLOCK_BYTES != path.stat().st_size:
        raise BadInput(f"'{path}' is damaged: {path.stat().st_size} bytes, of which its last block knows {block['image_bytes']}")
    return text.removeprefix("icl ")


def value_at(table, dotted):
    """table["data"]["N"] of "data.N"; None if it is not there."""
    for name in dotted.split("."):
        if not isinstance(table, dict) or name not in table:
            return None
        table = table[name]
    return table


class _File:
    """What all files have: their settings, and series by name."""

    KIND = ""

    def __init__(self, path):
        self.path = Path(path)
        kind = kind_of(path)
        if kind != self.KIND:
            raise BadInput(f"'{path}' is of the kind \"{kind}\", not \"{self.KIND}\"")
        self._series = {}

    def _ask(self, what, question):
        """question(file) of the opened file; BadInput if the file cannot answer it."""
        try:
            with h5py.File(self.path) as file:
                return question(file)
        except (OSError, KeyError, RuntimeError) as error:
            raise BadInput(f"'{self.path}' is damaged: {what} cannot be read ({error})") from None

    def _read(self, place):
        """A dataset, or None if there is none."""
        return self._ask(place, lambda file: file[place][()] if place in file else None)

    def attribute(self, group, name, default=None):
        value = self._ask(f"{name} of /{group}", lambda file: file[group].attrs.get(name, default))
        return value.decode() if isinstance(value, bytes) else value

    @cached_property
    def config(self):
        """The settings, as nested dicts."""
        text = self._read("config/toml")
        try:
            return {} if text is None else tomllib.loads(text_of(text))
        except tomllib.TOMLDecodeError as error:
            raise BadInput(f"'{self.path}' is damaged: its configuration is no TOML ({error})") from None

    def setting(self, name):
        return value_at(self.config, name)

    @property
    def chance(self):
        """The share of right answers of one who guesses; that of the most labels where runs differ."""
        most = np.nanmax(np.asarray(self._label_counts(), dtype=float), initial=0)
        return 1 / most if most > 0 else 0.5

    def _label_counts(self):
        return [self.setting("data.label_count") or 0]

    @cached_property
    def hash(self):
        return block_of(self.path).get("config_xxh128", "unknown")

    @cached_property
    def steps(self):
        return self.series("step")

    def series(self, name):
        """/metrics/NAME; BadInput if the file has none."""
        if name not in self._series:
            values = self._read(f"metrics/{name}")
            if values is None:
                raise BadInput(f"'{self.path}' has no series \"{name}\": its runs did not record it")
            self._series[name] = values
        return self._series[name]

    @cached_property
    def names(self):
        """Those of all series, sorted."""
        return self._ask("/metrics", lambda file: sorted(file["metrics"]))

    def has(self, name):
        return self._ask("/metrics", lambda file: f"metrics/{name}" in file)

    @cached_property
    def program(self):
        """Commits of the programs that made the file."""
        commits = self._ask("/provenance", self._commits)
        return sorted({text_of(commit) for commit in commits} - {""})

    def _commits(self, file):
        table = file.get(self.COMMITS)
        return [] if table is None else table["commit"]


class Run(_File):
    """A run: series over steps."""

    KIND = "run"
    COMMITS = "provenance/stretches"

    def about(self, name, default=None):
        """A fact of the run: an attribute of /metrics or of the file."""
        return self.attribute("metrics", name, self.attribute("/", name, default))

    @cached_property
    def probe_set(self):
        """/probe_set by name: x, label, answer, copy, novel, item; BadInput of a run that recorded no activations."""
        return self._group("probe_set")

    @cached_property
    def activations(self):
        """/activations by name, each [step, sequence, ...], and step; BadInput of a run that recorded none."""
        return self._group("activations")

    def _group(self, name):
        if not self._ask("/", lambda file: name in file):
            raise BadInput(f"'{self.path}' has no /{name}: record.activations was not set when it was trained")
        return self._ask(f"/{name}", lambda file: {key: d[()] for key, d in file[name].items()})

    @cached_property
    def description(self):
        """/model as text and numbers by name, and "parameters": what each parameter is; BadInput of a file of an older program."""
        if not self._ask("/", lambda file: "model" in file):
            raise BadInput(f"'{self.path}' has no /model: an older program wrote it")
        words = self._ask("/model", lambda file: attributes_of(file["model"]) | {"parameters": attributes_of(file["model/parameters"])})
        return {key: int(value) if isinstance(value, np.integer) else value for key, value in words.items()}


class Sweep(_File):
    """A merged sweep, or a part of one: a table of runs, and series [run, step], NaN after a run's end."""

    KIND = "sweep"
    COMMITS = "provenance/runs"

    def __init__(self, path, rows=None, whole=None):
        super().__init__(path)
        self._whole = whole
        self.rows = rows

    @cached_property
    def runs(self):
        """/runs as a structured array, text decoded."""
        if self._whole is not None:
            return self._whole.runs[self.rows]
        table = self._read("runs")
        if table is None or table.size == 0:
            raise BadInput(f"'{self.path}' holds no run that has ended")
        return table.astype([(n, table.dtype[n] if table.dtype[n].kind != "S" else f"U{table.dtype[n].itemsize}") for n in table.dtype.names])

    def __len__(self):
        return len(self.runs)

    def series(self, name):
        if self._whole is not None:
            values = self._whole.series(name)
            return values if name == "step" else values[self.rows]
        return super().series(name)

    def column(self, name):
        """A column of /runs; of a key that is one value for all runs, that value for each."""
        if name in self.runs.dtype.names:
            return self.runs[name]
        value = self.setting(name)
        if value is None and "." not in name:
            raise BadInput(f"'{self.path}' has no column \"{name}\"")
        return np.full(len(self), np.nan if value is None else value)

    def _label_counts(self):
        return self.column("data.label_count")

    def where(self, mask=None, **conditions):
        """The runs for which mask is true, or whose columns have these values (data_K=500 for data.K; None: not set)."""
        mask = np.ones(len(self), dtype=bool) if mask is None else np.asarray(mask)
        for name, value in conditions.items():
            column = self.column(name.replace("_", ".", 1) if name not in self.runs.dtype.names else name)
            mask = mask & (column == value if value is not None else (np.isnan(column) if column.dtype.kind == "f" else column == ""))
        rows = np.flatnonzero(mask)
        whole = self._whole or self
        return Sweep(self.path, rows if self._whole is None else self.rows[rows], whole)

    def values(self, name):
        """The distinct values of a column, sorted, NaN left out."""
        column = self.column(name)
        if column.dtype.kind == "f":
            column = column[~np.isnan(column)]
        return np.unique(column)


class Landscape(_File):
    """A file of icl theory landscape."""

    KIND = "landscape"
    COMMITS = "provenance/stretches"

    def dataset(self, name):
        values = self._read(name)
        if values is None:
            raise BadInput(f"'{self.path}' has no \"{name}\"")
        return values


class Export(Landscape):
    """A file of icl export: items and sequences."""

    KIND = "data"

    @cached_property
    def parts(self):
        """Names of the groups that hold sequences."""
        return self._ask("/", lambda file: sorted(name for name in file if isinstance(file[name], h5py.Group) and "sequence" in file[name]))

    def names(self, part):
        """Names of the data sets of a group."""
        return self._ask("/", lambda file: set(file[part]))
