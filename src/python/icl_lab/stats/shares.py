"""Shares of runs."""

import numpy as np
from scipy.stats import beta

from ..estimate import Estimate, missing
from .bootstrap import LEVEL, ends, generator


def share(k, n, level=LEVEL):
    """k of n, with Jeffreys' interval: quantiles of Beta(k + 1/2, n - k + 1/2), its end at 0 or 1 where k is 0 or n
    (Brown, Cai & DasGupta 2001, Statistical Science 16, 101). Missing if n is 0."""
    if not 0 <= k <= n:
        raise ValueError(f"share: {k} of {n}")
    if n == 0:
        return missing("there is no run")
    tail = (1 - level) / 2
    low = 0.0 if k == 0 else float(beta.ppf(tail, k + 0.5, n - k + 0.5))
    high = 1.0 if k == n else float(beta.ppf(1 - tail, k + 0.5, n - k + 0.5))
    return Estimate(k / n, low, high, "Jeffreys", int(n))


def difference(k, n, k0, n0, *, seed, draws=20000):
    """Difference of two shares, k/n - k0/n0: the interval from independent draws of both Jeffreys posteriors. Missing if one of the two has no run."""
    if n == 0 or n0 == 0:
        return missing("one of the two shares has no run", n + n0)
    random = generator(seed)
    found = random.beta(k + 0.5, n - k + 0.5, draws) - random.beta(k0 + 0.5, n0 - k0 + 0.5, draws)
    low, high = ends(found)
    value = k / n - k0 / n0  # 1 and -1 lie beyond every draw
    return Estimate(value, min(low, value), max(high, value), "Jeffreys, both shares", int(n + n0))


def mean(values, level=LEVEL, within=(-np.inf, np.inf)):
    """Mean of independent runs with Student's t interval, which ends at the values that there can be: within=(0, 1) for accuracies. NaN are left out;
    missing if nothing is left."""
    from scipy.stats import t
    values = np.asarray(values, dtype=float)
    values = values[~np.isnan(values)]
    if values.size == 0:
        return missing("there is no value")
    if values.size == 1:
        return Estimate(float(values[0]), float("nan"), float("nan"), "one run", 1)
    half = t.ppf((1 + level) / 2, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size)
    low, high = np.clip([values.mean() - half, values.mean() + half], *within)
    return Estimate(float(values.mean()), float(low), float(high), "Student's t", values.size)


def median(values, level=LEVEL):
    """Median of independent values with the interval of order statistics (binomial, exact or wider). Fewer than six values have none: even
    their extremes hold the median in less than 95 %. NaN are left out; missing if nothing is left."""
    from scipy.stats import binom
    values = np.sort(np.asarray(values, dtype=float))
    values = values[~np.isnan(values)]
    n = values.size
    if n == 0:
        return missing("there is no value")
    rank = int(binom.ppf((1 - level) / 2, n, 0.5))
    if binom.cdf(rank, n, 0.5) > (1 - level) / 2:
        rank -= 1
    middle = values[(n - 1) // 2] if values[(n - 1) // 2] == values[n // 2] else (values[(n - 1) // 2] + values[n // 2]) / 2
    if rank < 0:
        return Estimate(float(middle), float("nan"), float("nan"), "fewer than six runs", n)
    return Estimate(float(middle), float(values[rank]), float(values[n - 1 - rank]), "order statistics", n)
