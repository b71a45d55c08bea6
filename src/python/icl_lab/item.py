"""An item of experiments/: its description, its checks, its runs."""

import contextlib
import importlib.util
import os
import tomllib
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from .files import CannotWrite
from .read import BadInput, Sweep, value_at

SEED = 20241200412  #: of every bootstrap, unless another is given


@dataclass
class Item:
    folder: Path
    scale: str
    sweep: Sweep
    title: str
    question: str
    figure: str
    checks: list = field(default_factory=list)  #: those of this scale
    seed: int = SEED

    @property
    def name(self):
        return os.fsencode(self.folder.name).decode("utf-8", "backslashreplace")


EVALUATOR_KEYS = ("items", "labels", "copies", "support")  #: of a table [[eval.set]], in the order of their text


def as_text(value):
    """A value as a run file spells it: [[eval.set]] as "NAME items=... copies=..., NAME ..."."""
    if not isinstance(value, list):
        return str(value)
    if not all(isinstance(one, dict) for one in value):
        return ", ".join(map(str, value))
    return ", ".join(" ".join([one["name"], *(f"{key}={one[key]}" for key in EVALUATOR_KEYS if key in one and one[key] != "own")]) for one in value)


NAME_LISTS = ("probe.record", "record.activations", "record.observers")  #: a run file spells them in one order, without commas


def names_in(value):
    """The names of a list of them, however it is spelled."""
    return sorted(value if isinstance(value, list) else str(value).replace(",", " ").split())


def require_settings(document, scale, sweep):
    """BadInput if a setting that the item fixes is another one in the merged file."""
    expected = {}
    for section, keys in document.items():
        if isinstance(keys, dict) and section not in ("item", "sweep", "scale"):
            expected |= {f"{section}.{key}": value for key, value in keys.items()}
    for section, keys in document.get("scale", {}).get(scale, {}).get("set", {}).items():
        expected |= {f"{section}.{key}": value for key, value in keys.items()}
    for name, value in expected.items():
        if name in sweep.runs.dtype.names or name == "record.publish_seconds":
            continue
        found = value_at(sweep.config, name)
        same = str(found) == as_text(value) or (isinstance(value, (int, float)) and isinstance(found, (int, float)) and float(found) == float(value))
        same = same or (name in NAME_LISTS and names_in(found) == names_in(value))
        if not same and not (found is None and value in ("not set", "inf")):
            raise BadInput(f"'{sweep.path}' is of other settings than the item at scale {scale}: {name} is {found} there and {value} here")


def require_scales(path, document):
    """BadInput if a check is of a scale that the item lacks: it would never be judged."""
    for check in document.get("check", []):
        unknown = set(check.get("scales", [])) - {"paper", *document.get("scale", {})}
        if unknown:
            raise BadInput(f"'{path}' has no scale \"{min(unknown)}\", of which the check \"{check.get('name', '')}\" is")


def load_item(folder, scale, merged, seed=SEED):
    """BadInput if the folder is no item or the file is not of it."""
    folder = Path(folder)
    path = folder / "experiment.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadInput(f"'{path}' cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"'{path}' is no TOML: {error}") from None
    if scale != "paper" and scale not in document.get("scale", {}):
        raise BadInput(f"'{path}' has no scale \"{scale}\"")
    require_scales(path, document)
    sweep = Sweep(merged)
    if not len(sweep.runs):
        raise BadInput(f"'{merged}' holds no run that has ended")
    require_settings(document, scale, sweep)
    about = document.get("item", {})
    checks = [check for check in document.get("check", []) if scale in check.get("scales", [scale])]
    return Item(folder.resolve(), scale, sweep, about.get("title", folder.name), about.get("question", ""), about.get("figure", ""), checks, seed)


def load_figure(folder):
    """The module figure.py of an item."""
    path = Path(folder) / "figure.py"
    if not path.is_file():
        raise BadInput(f"'{path}': the item has no figure.py")
    spec = importlib.util.spec_from_file_location(f"icl_lab_figure_{path.parent.name}", path)
    module = importlib.util.module_from_spec(spec)
    with faults_of(path):
        spec.loader.exec_module(module)
    for name in ("analyse", "draw"):
        if not callable(getattr(module, name, None)):
            raise BadInput(f"'{path}' has no function {name}")
    return module


@contextlib.contextmanager
def faults_of(path):
    """What goes wrong in a figure.py becomes BadInput that names its line and the error."""
    try:
        yield
    except (BadInput, CannotWrite, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, SyntaxError) and error.filename:
            place, error = f"'{error.filename}', line {error.lineno}", f"SyntaxError: {error.msg}"
        else:
            lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == os.path.abspath(path)]
            place, error = f"'{path}'" + (f", line {lines[-1]}" if lines else ""), f"{type(error).__name__}: {error}"
        raise BadInput(f"{place}: {error}") from None
