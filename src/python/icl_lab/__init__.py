"""icl_lab: analysis of what icl records. Reading of its files, runs from inside, statistics, pictures in one style, and verdicts of an experiment's checks."""

from .agreement import Disagrees, check
from .batch import Batch, concatenate
from .circuit import circuits
from .heads import Head, heads
from .inside import open, open_all  # pylint: disable=redefined-builtin
from .patching import clamp, patch
from .read import BadInput
from .pca import trajectory

__version__ = "0.2.0"
__all__ = ["BadInput", "Batch", "Disagrees", "Head", "check", "circuits", "clamp", "concatenate", "heads", "open", "open_all", "patch", "trajectory"]
