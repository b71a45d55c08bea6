"""The picture of a run: its accuracies or losses, its probes, and its way over the landscape."""

import numpy as np

from . import plot as pictures
from . import theory
from .read import Run
from .series import ACCURACIES, LOSSES, best_observers, judges, loss_axis, there

PROBES = (  # what each panel shows of a run: series, colour, label
    ("memorisation", (("c1", pictures.VERMILION, "c1"), ("c2", pictures.ORANGE, "c2"))),
    ("effective beta and w", (("effective_beta", pictures.BLUE, "beta (nat)"), ("effective_w", pictures.GREEN, "w"))),
    ("attention", (("attention_copy", pictures.BLUE, "on the copy"), ("attention_self", pictures.ORANGE, "on the target itself"))),
)


def draw_series(axes, run, parts):
    """Series that share an axis. A gap where a run was not evaluated."""
    drawn = False
    for name, colour, label in parts:
        if there(run, name):
            axes.plot(run.steps, run.series(name), color=colour, label=label, alpha=0.6 if colour == pictures.GREY else 1)
            drawn = True
    return drawn


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
        pictures.accuracy_axis(every[0], chance=run.chance)
        every[0].set_title("accuracy")
    else:
        draw_series(every[0], run, (*LOSSES, *best_observers(run)))
        loss_axis(every[0], run)
        every[0].set_title("loss")
    for axes, (title, parts) in zip(every[1:], probes):
        draw_series(axes, run, parts)
        axes.set_title(title)
        if title == "attention":
            axes.set_ylabel("share of the attention")
    for axes in every[:1 + len(probes)]:
        mark_acquisition(axes, run)
        axes.set_xlabel("training (steps)")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="best")
    if has_path:
        draw_path(every[1 + len(probes)], run)
    for axes in every[panels:]:
        axes.remove()
    title = about_run(run)
    pictures.heading(figure, title)
    return figure, title, run


def about_run(run):
    ends = {"running": "still running", "done": f"ended by {run.about('stop_reason', 'its last step')}"}
    status = str(run.about("status", "unknown"))
    step = run.about("t_icl_step")
    acquired = f", ICL acquired at step {int(step):,}" if step is not None else ", ICL not acquired" if judges(run) else ""
    return f"{run.about('title', run.path.name)}: {ends.get(status, status)} at step {int(run.steps[-1]):,}{acquired}"
