"""The picture of a merged sweep: a heat map over two axes, lines over one, or curves."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from . import plot as pictures
from .read import BadInput, Sweep, value_at
from .series import ACCURACIES, LOSSES, judges, loss_axis, there

MOST_COLOURS = 6  #: that one panel tells apart
MOST_TICKS = 6    #: of an axis with places apart


def sweep_axes(sweep):
    """Names of the columns of /runs that are keys of a configuration and vary: numbers before words, more values before fewer."""
    names = [name for name in sweep.runs.dtype.names if "." in name and len(np.unique(sweep.runs[name])) > 1]
    return sorted(names, key=lambda name: (not is_numeric(sweep, name), name != "data.K", -len(finite_values(sweep, name))))


def is_boolean(sweep, name):
    """Of a merged file's columns, in which true is 1; its settings still have the word."""
    values = value_at(sweep.config, f"sweep.axes.{name}")
    return isinstance(values, list) and any(isinstance(value, bool) for value in values)


def is_numeric(sweep, name):
    return sweep.runs[name].dtype.kind in "fiu" and len(finite_values(sweep, name)) > 1 and not is_boolean(sweep, name)


def finite_values(sweep, name):
    values = sweep.values(name)
    return values[np.isfinite(values)] if values.dtype.kind in "fiu" else values


def label_of(name):
    return {"data.K": "task diversity K (items)", "data.N": "context length N (tokens)", "model.beta0": "beta(0) (nat)"}.get(name, name)


def is_log(values):
    return bool((values > 0).all() and values.max() / values.min() >= 4)


def runs_of(count):
    return f"{count} run{'s' * (count != 1)}"


@dataclass
class Outcome:
    """What tells the runs of a sweep apart: a number of each, NaN of those that lack it."""

    values: np.ndarray
    label: str
    limits: tuple | None = None
    series: str = ""  #: whose last value it is, if of one

    @property
    def is_share(self):
        return self.label.startswith("share")

    @property
    def there(self):
        return np.isfinite(self.values)


def final(sweep, name):
    """The last value of a series of each run; NaN where there is none."""
    name = f"final_{name}"
    return sweep.runs[name].astype(float) if name in sweep.runs.dtype.names else np.full(len(sweep), np.nan)


def outcome(sweep):
    """One Outcome for all runs of a sweep. Where all or none acquire ICL, when; without contexts, what is memorised; without accuracies, the loss."""
    accuracy = final(sweep, "icl_accuracy")
    known = np.isfinite(accuracy)
    if judges(sweep) and known.any():
        acquired = sweep.runs["acquired"] == 1
        if acquired[known].all():
            return Outcome(np.where(known, sweep.runs["t_icl_step"], np.nan), "t_ICL (steps)")
        if not acquired[known].any():
            return Outcome(accuracy, "ICL accuracy at the end", (sweep.chance, 1), "icl_accuracy")
        return Outcome(np.where(known, acquired, np.nan), "share of runs that acquire ICL", (0, 1))
    accuracies = [Outcome(final(sweep, "I_K"), "I_K at the end (learning rate x steps)"),
                  Outcome(final(sweep, "iwl_accuracy"), "accuracy on training items", (sweep.chance, 1), "iwl_accuracy")]
    losses = [Outcome(final(sweep, name), f"loss on {words} at the end", None, name)
              for name, words in (("icl_loss", "fresh sequences"), ("iwl_loss", "known items"), ("train_loss", "training sequences"))]
    found = next((one for one in [*(accuracies if judges(sweep) else []), *losses] if one.there.any()), None)
    if found is None:
        raise BadInput(f"'{sweep.path}': no run has an accuracy or a loss at its end that could be drawn")
    return found


@dataclass
class Axis:
    """The numbers of a column along an axis. Infinity, and what is not set, have places apart behind the last number."""

    name: str
    numbers: np.ndarray  #: finite, in order
    places: np.ndarray   #: of each run
    apart: dict = field(default_factory=dict)  #: place -> text

    @property
    def log(self):
        return is_log(self.numbers)

    @property
    def distinct(self):
        return np.unique(self.places)

    def after(self, place):
        """One step of the axis behind a place."""
        first, last, steps = self.numbers[0], self.numbers[-1], len(self.numbers) - 1
        return place * (last / first) ** (1 / steps) if self.log else place + (last - first) / steps

    def mark(self, axes, which):
        """Scale, ticks and name; a line before the places that lie apart."""
        axis = axes.xaxis if which == "x" else axes.yaxis
        if self.log:
            getattr(axes, f"set_{which}scale")("log")
            pictures.plain_log_axis(axis)
        if self.apart:
            chosen = self.numbers[::-1][::-(-len(self.numbers) // MOST_TICKS)][::-1]
            axis.set_ticks([*chosen, *self.apart], [*map(pictures.grouped, chosen), *self.apart.values()])
            last, behind = self.numbers[-1], min(self.apart)
            line = axes.axvline if which == "x" else axes.axhline
            line(np.sqrt(last * behind) if self.log else (last + behind) / 2, color=pictures.GREY, linewidth=0.7, linestyle=(0, (1, 2)))
        axis.set_label_text(label_of(self.name))


def axis_of(sweep, name):
    axis = Axis(name, finite_values(sweep, name).astype(float), sweep.column(name).astype(float))
    place = axis.numbers[-1]
    for text, those in (("inf", np.isinf(axis.places)), ("not set", np.isnan(axis.places))):
        if those.any():
            place = axis.after(place)
            axis.places[those] = place
            axis.apart[place] = text
    return axis


def draw_over_two(sweep, x_name, y_name):
    found, x, y = outcome(sweep), axis_of(sweep, x_name), axis_of(sweep, y_name)
    cells = np.full((len(y.distinct), len(x.distinct)), np.nan)
    for i, b in enumerate(y.distinct):
        for j, a in enumerate(x.distinct):
            chosen = (x.places == a) & (y.places == b) & found.there
            if chosen.any():
                cells[i, j] = found.values[chosen].mean()
    limits = found.limits and (min(found.limits[0], np.nanmin(cells)), found.limits[1])
    figure, axes = pictures.figure(columns=1, height=2.6)
    pictures.heat_map(axes, x.distinct, y.distinct, cells, found.label if found.is_share else f"{found.label}, mean", limits, (x.log, y.log))
    x.mark(axes, "x")
    y.mark(axes, "y")
    return figure, found.there


def text_of_value(value, boolean):
    if value == "" or value != value:
        return "not set"
    if boolean:
        return "true" if value else "false"
    return f"{value:g}" if value.dtype.kind in "fiu" else str(value)


def groups_of(sweep, name):
    """(colour, label, mask of the runs) for each value of a column, or for all runs."""
    if name is None:
        return [(pictures.BLUE, None, np.ones(len(sweep), dtype=bool))]
    column, boolean = sweep.column(name), is_boolean(sweep, name)
    values = np.unique(column)
    groups = []
    for colour, value in zip(pictures.ordered_colours(len(values)), values):
        text = text_of_value(value, boolean)
        named = text if column.dtype.kind == "U" and text != "not set" else f"{name.split('.')[-1]} = {text}"
        groups.append((colour, pictures.literal(named), column == value if value == value else np.isnan(column)))
    return groups


def left_series(sweep, found, by):
    """What the left panel has of each run's end: accuracies, or losses where there are none; one of them if colours tell the runs apart."""
    every = [one for one in (ACCURACIES if judges(sweep) else LOSSES)[:2] if np.isfinite(final(sweep, one[0])).any()] or \
        [one for one in LOSSES if np.isfinite(final(sweep, one[0])).any()]
    return every if by is None else [one for one in every if one[0] == found.series][:1] or every[:1]


def draw_over_one(sweep, name, by=None):
    """Accuracies or losses at the end, and what tells the runs apart if that is another thing, against one axis; a colour for each value of `by`."""
    found, axis = outcome(sweep), axis_of(sweep, name)
    parts, groups = left_series(sweep, found, by), groups_of(sweep, by)
    alone = found.series in [one[0] for one in parts]
    figure, panels = pictures.figure(columns=1 if alone else 2, height=2.5, panels=1 if alone else 2, squeeze=False)
    left, right = panels[0][0], panels[0][-1]
    for colour, text, mask in groups:
        for series, own, own_text in parts:
            draw_medians(left, axis, np.where(mask, final(sweep, series), np.nan), own if by is None else colour, own_text if by is None else text)
        if not alone:
            draw_outcome(right, axis, found, mask, colour, text)
    if parts[0] in ACCURACIES:
        pictures.accuracy_axis(left, "accuracy at the end of a run" if by is None else f"{parts[0][2]} accuracy at the end of a run", sweep.chance)
    else:
        left.set_ylabel("loss at the end of a run" if by is None else f"loss at the end of a run ({parts[0][2]})")
    left.set_title("each run, and medians")
    if not alone:
        right.set_title("95 % intervals (Jeffreys)" if found.is_share else "each run, and medians")
        right.set_ylabel(found.label)
    if found.is_share:
        right.set_ylim(-0.03, 1.05)
    for axes in panels[0]:
        axis.mark(axes, "x")
    left.legend(loc="best")
    drawn = [np.isfinite(final(sweep, series)) for series, *_ in parts]
    return figure, found.there if by is not None else np.any([found.there, *drawn], axis=0)


def draw_outcome(axes, axis, found, mask, colour, label):
    if not found.is_share:
        draw_medians(axes, axis, np.where(mask, found.values, np.nan), colour, label)
        return
    far = axis.places > axis.numbers[-1]
    for part in (mask & ~far, *(mask & (axis.places == place) for place in axis.apart)):
        chosen = part & found.there
        if chosen.any():
            pictures.share_points(axes, axis.places[chosen], found.values[chosen] == 1, colour, label)
            label = None


def draw_medians(axes, axis, values, colour, label):
    """Each run, and medians, joined by a line where the axis is one of numbers."""
    known = np.isfinite(values)
    if not known.any():
        return
    axes.plot(axis.places[known], values[known], ".", color=colour, alpha=0.5, markersize=4, markeredgewidth=0)
    places = np.unique(axis.places[known])
    medians = np.array([np.median(values[known & (axis.places == place)]) for place in places])
    far = places > axis.numbers[-1]
    axes.plot(places[~far], medians[~far], color=colour, label=label, marker="o", markersize=3)
    axes.plot(places[far], medians[far], "o", color=colour, markersize=3)


def draw_curves(sweep, by=None):
    """Curves of all runs, a colour for each value of a column."""
    judged = judges(sweep) and any(there(sweep, name) for name, *_ in ACCURACIES)
    parts = [one for one in (ACCURACIES if judged else LOSSES) if there(sweep, one[0])][:2 if by is None else 1]
    if not parts:
        raise BadInput(f"'{sweep.path}': no run has an accuracy or a loss that could be drawn")
    figure, axes = pictures.figure(columns=1, height=2.5)
    for name, own, own_text in parts:
        for colour, text, mask in groups_of(sweep, by):
            pictures.curves(axes, sweep.where(mask), name, own if by is None else colour, own_text if by is None else text)
    if judged:
        pictures.accuracy_axis(axes, "accuracy" if by is None else f"{parts[0][2]} accuracy", sweep.chance)
    else:
        loss_axis(axes, sweep)
    axes.set_xlabel("training (steps)")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="best")
    return figure, np.any([np.isfinite(sweep.series(name)).any(axis=1) for name, *_ in parts], axis=0)


def draw_sweep(path):
    """Two axes of numbers, each with three values or more: a heat map; one: against it; none: curves."""
    sweep = Sweep(path)
    varying = sweep_axes(sweep)
    numeric = [name for name in varying if is_numeric(sweep, name)]
    others = [name for name in varying if len(np.unique(sweep.column(name))) <= MOST_COLOURS]
    by = next((name for name in others if name != (numeric[0] if numeric else None)), None)
    if len(numeric) >= 2 and len(finite_values(sweep, numeric[1])) > 2:
        (figure, drawn), shown = draw_over_two(sweep, *numeric[:2]), 2
    elif numeric:
        (figure, drawn), shown = draw_over_one(sweep, numeric[0], by), 1 + (by is not None)
    else:
        (figure, drawn), shown = draw_curves(sweep, by), int(by is not None)
    rest, lacking = len(varying) - shown, int(np.sum(~drawn))
    title = runs_of(len(sweep)) + (f", {lacking} of them not drawn: they lack what is shown" if lacking else "")
    title += f"; {rest} more {'axis' if rest == 1 else 'axes'} of the sweep taken together" if rest > 0 else ""
    pictures.heading(figure, f"{Path(path).name}: {title}")
    return figure, title, sweep
