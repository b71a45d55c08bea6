"""Which series of a run or a sweep a picture shows, in which colours."""

import re

import numpy as np

from . import plot as pictures

ACCURACIES = (("icl_accuracy", pictures.BLUE, "ICL"), ("iwl_accuracy", pictures.VERMILION, "IWL"),
              ("train_accuracy", pictures.GREY, "training"))
LOSSES = (  # where no share of right answers tells what was learned
    ("icl_loss", pictures.BLUE, "fresh"), ("iwl_loss", pictures.VERMILION, "known"), ("train_loss", pictures.GREY, "training"))
OBSERVED = (("icl", pictures.GREEN, "fresh"), ("iwl", pictures.ORANGE, "known"))


def there(run, name):
    """Whether a run recorded a series and it has a finite value."""
    return run.has(name) and np.isfinite(run.series(name)).any()


def best_observers(run):
    """Of the ideal observers that a run recorded, on each set that of the least mean loss."""
    for evaluation, colour, on in OBSERVED:
        names = [name for name in run.names if re.fullmatch(f"{evaluation}_.+_loss", name) and run.has(name.removesuffix("loss") + "distance") and there(run, name)]
        if names:
            best = min(names, key=lambda name: np.nanmean(run.series(name)))
            yield best, colour, f"{best.removeprefix(f'{evaluation}_').removesuffix('_loss').replace('_', ' ')}, {on}"


def judges(file):
    """Whether the share of right answers tells what a run, or those of a sweep, learned: with items and labels. Otherwise losses do."""
    return file.setting("data.task") in (None, "labels") and (file.has("icl_accuracy") or file.has("iwl_accuracy"))


def loss_axis(axes, file):
    axes.set_yscale("log")
    pictures.plain_log_axis(axes.yaxis)
    axes.set_ylabel("loss (nat)" if file.attribute("metrics/icl_loss", "units") == "nat" else "squared error")
