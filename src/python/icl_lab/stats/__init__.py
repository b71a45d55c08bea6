"""Inference from facts that icl records: shares, thresholds, times with censoring, power laws, modes, ranks and trends.

Every interval is at 95 %, and each function says how it is made:

- shares: Jeffreys' posterior; a difference of two: draws of both posteriors; means: Student's t; medians: order statistics;
- K* and the width of its transition: quantiles of the posterior of a logistic rise, with flat priors on ln K* and on the width s; slopes of ln K*:
  draws of these posteriors;
- times with censoring: Kaplan-Meier's curve with Greenwood's variance; sigma of ln t: the profile likelihood; differences of AIC: Vuong's;
- power laws: the spread within each x, with Satterthwaite's degrees of freedom; lines through estimates: weighted least squares;
- ranks, and statistics without a closed form: a percentile bootstrap over runs.

What the data cannot give is an estimate without a value, whose method says why. NaN among the data are left out. Random numbers come from Philox with
a given seed. tests/lab/coverage.py counts how often the intervals hold the truth.
"""

from . import censored, dip, power_law, rank, shares, survival, threshold, trend
from .bootstrap import bootstrap, generator
from .crossing import crossing
from .shares import share

__all__ = ["bootstrap", "censored", "crossing", "dip", "generator", "power_law", "rank", "share", "shares", "survival", "threshold", "trend"]
