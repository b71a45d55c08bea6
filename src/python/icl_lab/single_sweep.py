"""The picture of a merged sweep: a heat map over two axes, lines over one, or curves."""

from pathlib import Path

import numpy as np

from . import plot as pictures
from .read import Sweep
from .series import ACCURACIES, LOSSES, judges, loss_axis, there

MOST_COLOURS = 6  #: that one panel tells apart


def sweep_axes(sweep):
    """Names of the columns of /runs that are keys of a configuration and vary: numbers before words, more values before fewer."""
    names = [name for name in sweep.runs.dtype.names if "." in name and len(np.unique(sweep.runs[name])) > 1]
    return sorted(names, key=lambda name: (not is_numeric(sweep, name), name != "data.K", -len(finite_values(sweep, name))))


def is_numeric(sweep, name):
    return sweep.runs[name].dtype.kind in "fiu" and len(finite_values(sweep, name)) > 1


def finite_values(sweep, name):
    values = sweep.values(name)
    return values[np.isfinite(values)] if values.dtype.kind in "fiu" else values


def label_of(name):
    return {"data.K": "task diversity K (items)", "data.N": "context length N (tokens)", "model.beta0": "beta(0) (nat)"}.get(name, name)


def is_log(values):
    return bool((values > 0).all() and values.max() / values.min() >= 4)


def outcome(sweep):
    """(number of each run, label, limits): what tells the runs of a sweep apart. Where all or none acquire ICL, when; without contexts, what is
    memorised."""
    if not judges(sweep):
        return sweep.runs["final_icl_loss"], "loss on fresh sequences at the end", None
    if not np.isfinite(sweep.runs["final_icl_accuracy"]).any():
        if "final_I_K" in sweep.runs.dtype.names and np.isfinite(sweep.runs["final_I_K"]).any():
            return sweep.runs["final_I_K"], "I_K at the end (learning rate x steps)", None
        return sweep.runs["final_iwl_accuracy"], "accuracy on training items", (0.5, 1)
    if (sweep.runs["acquired"] == 1).all():
        return sweep.runs["t_icl_step"].astype(float), "t_ICL (steps)", None
    if not (sweep.runs["acquired"] == 1).any():
        return sweep.runs["final_icl_accuracy"], "ICL accuracy at the end", (0.5, 1)
    return sweep.runs["acquired"].astype(float), "share of runs that acquire ICL", (0, 1)


def name_axis(axes, which, name, values):
    axis = axes.xaxis if which == "x" else axes.yaxis
    if is_log(values):
        getattr(axes, f"set_{which}scale")("log")
        pictures.plain_log_axis(axis)
    axis.set_label_text(label_of(name))


def draw_over_two(sweep, x_name, y_name):
    values, label, limits = outcome(sweep)
    x, y = finite_values(sweep, x_name), finite_values(sweep, y_name)
    cells = np.full((len(y), len(x)), np.nan)
    for i, b in enumerate(y):
        for j, a in enumerate(x):
            chosen = (sweep.column(x_name) == a) & (sweep.column(y_name) == b)
            if chosen.any():
                cells[i, j] = np.nanmean(values[chosen])
    figure, axes = pictures.figure(columns=1, height=2.6)
    pictures.heat_map(axes, x, y, cells, label if label.startswith("share") else f"{label}, mean", limits, (is_log(x), is_log(y)))
    name_axis(axes, "x", x_name, x)
    name_axis(axes, "y", y_name, y)
    return figure


def groups_of(sweep, name):
    """(colour, label, runs) for each value of a column, or for all runs."""
    if name is None:
        return [(pictures.BLUE, None, sweep)]
    values = np.unique(sweep.column(name))
    short = name.split(".")[-1]
    return [(colour, f"{short} = {value:g}" if value.dtype.kind in "fiu" else str(value), sweep.where(sweep.column(name) == value))
            for colour, value in zip(pictures.ordered_colours(len(values)), values)]


def draw_over_one(sweep, name, by=None):
    """Accuracies at the end, and what tells the runs apart, against one axis; a colour for each value of another."""
    figure, (left, right) = pictures.figure(columns=2, height=2.5, panels=2)
    label = outcome(sweep)[1]
    for colour, text, part in groups_of(sweep, by):
        x = part.column(name)
        for series, own, own_text in ACCURACIES[:2 if by is None else 1]:
            final = part.runs[f"final_{series}"]
            if np.isfinite(final).any():
                draw_medians(left, x, final, own if by is None else colour, own_text if by is None else text)
        if label.startswith("share"):
            pictures.share_points(right, x[np.isfinite(x)], part.runs["acquired"][np.isfinite(x)] == 1, colour, text)
        else:
            draw_medians(right, x, outcome(part)[0].astype(float), colour, text)
    pictures.accuracy_axis(left, "accuracy at the end of a run" if by is None else "ICL accuracy at the end of a run")
    left.set_title("each run, and medians")
    right.set_title("95 % intervals (Jeffreys)" if label.startswith("share") else "each run, and medians")
    right.set_ylabel(label)
    if label.startswith("share"):
        right.set_ylim(-0.03, 1.05)
    for axes in (left, right):
        name_axis(axes, "x", name, finite_values(sweep, name))
    left.legend(loc="best")
    return figure


def draw_medians(axes, x, values, colour, label):
    there = np.isfinite(x) & np.isfinite(values)
    axes.plot(x[there], values[there], ".", color=colour, alpha=0.5, markersize=4, markeredgewidth=0)
    places = np.unique(x[there])
    axes.plot(places, [np.median(values[there & (x == place)]) for place in places], color=colour, label=label, marker="o", markersize=3)


def draw_curves(sweep, by=None):
    """Curves of all runs, a colour for each value of a column."""
    figure, axes = pictures.figure(columns=1, height=2.5)
    if by is None:
        for name, colour, label in (ACCURACIES if judges(sweep) else LOSSES)[:2]:
            if there(sweep, name):
                pictures.curves(axes, sweep, name, colour, label)
    else:
        for colour, text, part in groups_of(sweep, by):
            pictures.curves(axes, part, "icl_accuracy" if judges(sweep) else "icl_loss", colour, text)
    if judges(sweep):
        pictures.accuracy_axis(axes, "accuracy" if by is None else "ICL accuracy")
    else:
        loss_axis(axes, sweep)
    axes.set_xlabel("training (steps)")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="best")
    return figure


def draw_sweep(path):
    """Two axes of numbers, each with three values or more: a heat map; one: against it; none: curves."""
    sweep = Sweep(path)
    varying = sweep_axes(sweep)
    numeric = [name for name in varying if is_numeric(sweep, name)]
    others = [name for name in varying if len(np.unique(sweep.column(name))) <= MOST_COLOURS]
    by = next((name for name in others if name != (numeric[0] if numeric else None)), None)
    if len(numeric) >= 2 and len(finite_values(sweep, numeric[1])) > 2:
        figure, shown = draw_over_two(sweep, *numeric[:2]), 2
    elif numeric:
        figure, shown = draw_over_one(sweep, numeric[0], by), 1 + (by is not None)
    else:
        figure, shown = draw_curves(sweep, by), int(by is not None)
    rest = len(varying) - shown
    title = f"{len(sweep)} runs" + (f"; {rest} more axes of the sweep taken together" if rest > 0 else "")
    figure.suptitle(f"{Path(path).name}: {title}", fontsize=8, x=0.01, ha="left")
    return figure, title, sweep
