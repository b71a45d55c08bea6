"""icl plot FILE: what a single run, a merged sweep, a landscape or an export holds."""

import contextlib
import os
from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator

from . import plot as pictures
from .files import Usage, say
from .read import BadInput, Export, Landscape, kind_of
from .single_run import draw_run
from .single_sweep import draw_sweep


def draw_landscape(path):
    file = Landscape(path)
    names = ("w", "beta", "loss", "dloss_dw", "dloss_dbeta", "nullcline")
    land = {name: file.dataset(f"landscape/{name}") for name in names}
    if min(len(land["w"]), len(land["beta"])) < 2:
        raise BadInput(f"'{path}' holds {len(land['w'])} x {len(land['beta'])} points, and a picture needs two values of w and of beta at least")
    figure, axes = pictures.figure(columns=1, height=2.9)
    pictures.landscape_panel(axes, land)
    pictures.legend_over(axes, loc="lower right")
    return figure, file.attribute("landscape", "title", "landscape"), file


def shades(export, part):
    """What the context of the first sequences carries [sequence, token] and what is asked of each; the colours, their limits, and words for them."""
    if "y" in export.names(part):
        y = export.dataset(f"{part}/y")[0][:24].astype(float)
        most = np.abs(y).max()
        return y[:, :-1], y[:, -1], "PuOr", (-most, most), "y of the first sequences"
    answer = export.dataset(f"{part}/answer")[0][:24].astype(float)
    if "label" not in export.names(part):  # symbols from 0 on, answers from 1 on
        return export.dataset(f"{part}/item")[0][:24], answer - 1, "viridis", (0, max(export.setting("data.D") - 1, 1)), "symbols of the first sequences"
    label = export.dataset(f"{part}/label")[0][:24].astype(float)
    if not export.setting("data.label_count"):
        return label[:, :-1], answer, pictures.LABEL_MAP, (-1, 1), "labels of the first sequences (orange: -1, blue: +1)"
    return label[:, :-1], answer, "viridis", (1, export.setting("data.label_count")), "labels of the first sequences"


def draw_export(path):
    """What the first sequences of each part carry in colour, the copies of the target marked."""
    export = Export(path)
    parts = export.parts
    if not parts:
        raise BadInput(f"'{path}' holds no sequences, which are what is drawn")
    figure, grid = pictures.figure(columns=2, height=2.4, panels=len(parts), squeeze=False)
    for axes, part in zip(grid[0], parts):
        shown, answer, colours, (low, high), title = shades(export, part)
        colour = {"cmap": colours, "vmin": low, "vmax": high}
        picture = axes.imshow(shown, aspect="auto", interpolation="nearest", **colour)
        if colours is not pictures.LABEL_MAP:
            bar = figure.colorbar(picture, ax=axes, pad=0.02)
            bar.set_label(title.split()[0].rstrip("s"))
            bar.locator = MaxNLocator(integer=True)
            bar.update_ticks()
        if "label" in export.names(part) and "item" in export.names(part):
            item = export.dataset(f"{part}/item")[0][:24]
            row, place = np.nonzero(item[:, :-1] == item[:, -1:])
            axes.plot(place, row, "o", markerfacecolor="none", markeredgecolor="black", markersize=4, label="copy of the target")
        axes.scatter(np.full(len(answer), shown.shape[1]), np.arange(len(answer)), c=answer, marker="s", s=9, edgecolors="black", linewidths=0.4,
                     label="the target: its answer", **colour)
        axes.set_xlim(-0.5, shown.shape[1] + 0.5)
        axes.grid(False)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("token")
        axes.set_ylabel("sequence")
        axes.set_title(part.replace("_", " "))
    grid[0][0].legend(loc="upper left", bbox_to_anchor=(0.0, -0.2), ncols=2 if len(parts) == 1 else 1)  # no wider than a panel
    return figure, title, export


DRAW = {"run": draw_run, "sweep": draw_sweep, "landscape": draw_landscape, "data": draw_export}


def require_another(file, target):
    """Usage if a picture would take the place of the file that it shows, whatever names or links lead there."""
    with contextlib.suppress(OSError):
        if os.path.samefile(file, target):
            raise Usage(f"--out '{target}': this is the file that is to be drawn")


def plot(file, out=None):
    """Draws a file of icl; the picture's format is that of its ending."""
    kind = kind_of(file)
    if kind not in DRAW:
        raise BadInput(f"'{file}' is of the kind \"{kind}\", of which there is no picture")
    target = Path(out) if out else Path(file).with_suffix(".png")
    if target.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise Usage(f"--out '{target}': a picture ends in .png, .pdf or .svg")
    require_another(file, target)
    drawing, title, source = DRAW[kind](file)
    name = os.fsencode(Path(file).name).decode("utf-8", "backslashreplace")
    pictures.save_one(drawing, target, title=title, caption=f"{name}: {title}", sweep_hash=source.hash, programs=source.program)
    say(f"picture: {target}")
    return 0
