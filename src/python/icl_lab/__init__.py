"""icl_lab: analysis of what icl records. Reading of its files, runs from inside, statistics, pictures in one style, and verdicts of an experiment's checks."""

from .agreement import check
from .inside import open  # pylint: disable=redefined-builtin

__version__ = "0.2.0"
__all__ = ["check", "open"]
