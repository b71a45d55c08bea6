"""icl plot FILE: what a single run, a merged sweep, a landscape or an export holds."""

import os
from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator

from . import plot as pictures
from . import theory
from .files import Usage, say
from .read import BadInput, Export, Landscape, Run, Sweep, kind_of

ACCURACIES = (("icl_accuracy", pictures.BLUE, "ICL"), ("iwl_accuracy", pictures.VERMILION, "IWL"),
              ("train_accuracy", pictures.GREY, "training"))
LOSSES = (  # of regression, whose answers are neither right nor wrong
    ("icl_loss", pictures.BLUE, "fresh tasks"), ("iwl_loss", pictures.VERMILION, "training tasks"), ("train_loss", pictures.GREY, "training"),
    ("icl_ridge_loss", pictures.GREEN, "ridge, fresh tasks"), ("iwl_dmmse_loss", pictures.ORANGE, "dMMSE, training tasks"))
PROBES = (  # what each panel shows of a run: series, colour, label
    ("memorisation", (("c1", pictures.VERMILION, "c1"), ("c2", pictures.ORANGE, "c2"))),
    ("effective beta and w", (("effective_beta", pictures.BLUE, "beta (nat)"), ("effective_w", pictures.GREEN, "w"))),
    ("attention", (("attention_copy", pictures.BLUE, "on the copy"), ("attention_self", pictures.ORANGE, "on the target itself"))),
)
MOST_COLOURS = 6  #: that one panel tells apart


def there(run, name):
    """Whether a run recorded a series and it has a finite value."""
    return run.has(name) and np.isfinite(run.series(name)).any()


def draw_series(axes, run, parts):
    """Series that share an axis. A gap where a run was not evaluated."""
    drawn = False
    for name, colour, label in parts:
        if there(run, name):
            axes.plot(run.steps, run.series(name), color=colour, label=label, alpha=0.6 if colour == pictures.GREY else 1)
            drawn = True
    return drawn


def judges(file):
    """Whether answers are right or wrong in a run, or in those of a sweep: otherwise there are losses alone."""
    return file.has("icl_accuracy") or file.has("iwl_accuracy")


def loss_axis(axes):
    axes.set_yscale("log")
    axes.set_ylabel("squared error")


def mark_acquisition(axes, run):
    step = run.about("t_icl_step")
    if step is not None:
        axes.axvline(float(step), color=pictures.BLACK, linewidth=0.7, linestyle=(0, (1, 2)))


def draw_path(axes, run):
    """w and beta along the run, over the landscape of a memoriser that knows nothing."""
    w, beta = run.series("effective_w"), run.series("effective_beta")
    w, beta = w[np.isfinite(w) & np.isfinite(beta)], beta[np.isfinite(w) & np.isfinite(beta)]
    edges = [min(-0.5, w.min() - 0.5), w.max() + 1, min(-2.0, beta.min() - 0.5), max(6.0, beta.max() + 0.5)]
    land = theory.landscape(run.setting("data.N"), (*edges[:2], 101), (*edges[2:], 121))
    pictures.landscape_panel(axes, land, edges)
    axes.plot(w, beta, color=pictures.VERMILION, linewidth=1.2, label="this run")
    axes.plot(w[:1], beta[:1], "o", color=pictures.VERMILION, markersize=3.5)
    pictures.legend_over(axes, loc="lower right")
    axes.set_title("its way over the landscape at the start")


def draw_run(path):
    run = Run(path)
    probes = [(title, parts) for title, parts in PROBES if any(there(run, name) for name, *_ in parts)]
    has_path = run.setting("model.system") == "minimal" and there(run, "effective_w") and there(run, "effective_beta")
    panels = 1 + len(probes) + has_path
    figure, grid = pictures.figure(columns=1 if panels == 1 else 2, height=2.3 * ((panels + 1) // 2), rows=(panels + 1) // 2,
                                   panels=min(panels, 2), squeeze=False)
    every = list(grid.ravel())
    if judges(run):
        draw_series(every[0], run, ACCURACIES)
        pictures.accuracy_axis(every[0])
        every[0].set_title("accuracy")
    else:
        draw_series(every[0], run, LOSSES)
        loss_axis(every[0])
        every[0].set_title("loss")
    for axes, (title, parts) in zip(every[1:], probes):
        draw_series(axes, run, parts)
        axes.set_title(title)
        if title == "attention":
            axes.set_ylabel("share of the attention")
    for axes in every[:1 + len(probes)]:
        mark_acquisition(axes, run)
        axes.set_xlabel("training (steps)")
        axes.legend(loc="best")
    if has_path:
        draw_path(every[1 + len(probes)], run)
    for axes in every[panels:]:
        axes.remove()
    figure.suptitle(about_run(run), fontsize=8, x=0.01, ha="left")
    return figure, about_run(run), run


def about_run(run):
    ends = {"running": "still running", "done": f"ended by {run.about('stop_reason', 'its last step')}"}
    status = str(run.about("status", "unknown"))
    step = run.about("t_icl_step")
    acquired = f", ICL acquired at step {int(step):,}" if step is not None else ", ICL not acquired" if judges(run) else ""
    return f"{run.about('title', run.path.name)}: {ends.get(status, status)} at step {int(run.steps[-1]):,}{acquired}"


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
        return sweep.runs["final_icl_loss"], "squared error on fresh tasks at the end", None
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
        loss_axis(axes)
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


def draw_landscape(path):
    file = Landscape(path)
    names = ("w", "beta", "loss", "dloss_dw", "dloss_dbeta", "nullcline")
    figure, axes = pictures.figure(columns=1, height=2.9)
    pictures.landscape_panel(axes, {name: file.dataset(f"landscape/{name}") for name in names})
    pictures.legend_over(axes, loc="lower right")
    return figure, file.attribute("landscape", "title", "landscape"), file


def draw_export(path):
    """The labels of the first sequences of each part, the copies of the target marked."""
    export = Export(path)
    parts = export.parts
    if not parts:
        raise BadInput(f"'{path}' holds no sequences of items with labels, which are what is drawn")
    figure, grid = pictures.figure(columns=2, height=2.4, panels=len(parts), squeeze=False)
    for axes, part in zip(grid[0], parts):
        item, label, answer = (export.dataset(f"{part}/{name}")[0][:24] for name in ("item", "label", "answer"))
        shown = label.astype(float)
        axes.imshow(shown, cmap=pictures.LABEL_MAP, vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
        row, place = np.nonzero(item[:, :-1] == item[:, -1:])
        axes.plot(place, row, "o", markerfacecolor="none", markeredgecolor="black", markersize=4, label="copy of the target")
        axes.scatter(np.full(len(answer), item.shape[1] - 1), np.arange(len(answer)), c=answer, cmap=pictures.LABEL_MAP, vmin=-1, vmax=1,
                     marker="s", s=9, edgecolors="black", linewidths=0.4, label="the target: its answer")
        axes.grid(False)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("token")
        axes.set_ylabel("sequence")
        axes.set_title(part.replace("_", " "))
    grid[0][0].legend(loc="upper left", bbox_to_anchor=(0.0, -0.2), ncols=2)
    return figure, "labels of the first sequences (orange: -1, blue: +1)", export


DRAW = {"run": draw_run, "sweep": draw_sweep, "landscape": draw_landscape, "data": draw_export}


def plot(file, out=None):
    """Draws a file of icl; the picture's format is that of its ending."""
    kind = kind_of(file)
    if kind not in DRAW:
        raise BadInput(f"'{file}' is of the kind \"{kind}\", of which there is no picture")
    target = Path(out) if out else Path(file).with_suffix(".png")
    if target.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise Usage(f"--out '{target}': a picture ends in .png, .pdf or .svg")
    drawing, title, source = DRAW[kind](file)
    name = os.fsencode(Path(file).name).decode("utf-8", "backslashreplace")
    pictures.save_one(drawing, target, title=title, caption=f"{name}: {title}", sweep_hash=source.hash, programs=source.program)
    say(f"picture: {target}")
    return 0
