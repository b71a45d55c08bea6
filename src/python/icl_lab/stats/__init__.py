"""Inference from facts that icl records: shares, thresholds, times with censoring, power laws, modes, ranks and trends.

Every interval is a bootstrap over runs, or a closed form; it is at 95 %. Random numbers come from Philox with a given seed.
"""

from . import censored, dip, power_law, rank, shares, survival, threshold, trend
from .bootstrap import bootstrap, generator
from .shares import share

__all__ = ["bootstrap", "censored", "dip", "generator", "power_law", "rank", "share", "shares", "survival", "threshold", "trend"]
