"""Which series of a run or a sweep a picture shows, in which colours."""

import numpy as np

from . import plot as pictures

ACCURACIES = (("icl_accuracy", pictures.BLUE, "ICL"), ("iwl_accuracy", pictures.VERMILION, "IWL"),
              ("train_accuracy", pictures.GREY, "training"))
LOSSES = (  # of regression, whose answers are neither right nor wrong
    ("icl_loss", pictures.BLUE, "fresh tasks"), ("iwl_loss", pictures.VERMILION, "training tasks"), ("train_loss", pictures.GREY, "training"),
    ("icl_ridge_loss", pictures.GREEN, "ridge, fresh tasks"), ("iwl_dmmse_loss", pictures.ORANGE, "dMMSE, training tasks"))


def there(run, name):
    """Whether a run recorded a series and it has a finite value."""
    return run.has(name) and np.isfinite(run.series(name)).any()


def judges(file):
    """Whether answers are right or wrong in a run, or in those of a sweep: otherwise there are losses alone."""
    return file.has("icl_accuracy") or file.has("iwl_accuracy")


def loss_axis(axes):
    axes.set_yscale("log")
    axes.set_ylabel("squared error")
