"""icl_lab: analysis of what icl records. Reading of its files, statistics, pictures in one style, and verdicts of an experiment's checks."""

__version__ = "0.2.0"
