"""Which series of a run or a sweep a picture shows, in which colours."""

import numpy as np

from . import plot as pictures

ACCURACIES = (("icl_accuracy", pictures.BLUE, "ICL"), ("iwl_accuracy", pictures.VERMILION, "IWL"),
              ("train_accuracy", pictures.GREY, "training"))
LOSSES = (  # of regression and chains, where no share of right answers tells what was learned
    ("icl_loss", pictures.BLUE, "fresh"), ("iwl_loss", pictures.VERMILION, "known"), ("train_loss", pictures.GREY, "training"),
    ("icl_ridge_loss", pictures.GREEN, "ridge, fresh"), ("iwl_dmmse_loss", pictures.ORANGE, "dMMSE, known"),
    ("icl_bigram_inference_loss", pictures.GREEN, "bigram inference, fresh"), ("iwl_bigram_retrieval_loss", pictures.ORANGE, "bigram retrieval, known"))


def there(run, name):
    """Whether a run recorded a series and it has a finite value."""
    return run.has(name) and np.isfinite(run.series(name)).any()


def judges(file):
    """Whether the share of right answers tells what a run, or those of a sweep, learned: with items and labels. Otherwise losses do."""
    return file.setting("data.task") in (None, "labels") and (file.has("icl_accuracy") or file.has("iwl_accuracy"))


def loss_axis(axes, file):
    axes.set_yscale("log")
    axes.set_ylabel("squared error" if file.setting("data.task") == "regression" else "loss (nat)")
