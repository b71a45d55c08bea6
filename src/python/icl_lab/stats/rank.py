"""Order."""

import numpy as np
from scipy.stats import rankdata

from ..estimate import missing
from .bootstrap import drawn, generator


def _correlation(x, y):
    """Spearman's of each row; NaN where a row is constant."""
    x, y = rankdata(x, axis=-1), rankdata(y, axis=-1)
    x, y = x - x.mean(-1, keepdims=True), y - y.mean(-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (x * y).sum(-1) / np.sqrt((x ** 2).sum(-1) * (y ** 2).sum(-1))


def spearman(x, y, *, seed, draws=2000):
    """Spearman's rank correlation, pairs resampled (percentile). Pairs with a NaN are left out; infinite values are ranked at the end."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    there = ~(np.isnan(x) | np.isnan(y))
    x, y = x[there], y[there]
    if x.size < 4:
        return missing(f"{x.size} pairs; four at least are needed", x.size)
    value = _correlation(x, y)
    if np.isnan(value):
        return missing("one of the two is constant", x.size)
    chosen = generator(seed).integers(0, x.size, (draws, x.size))
    return drawn(value, _correlation(x[chosen], y[chosen]), "Spearman, bootstrap over runs", x.size)
