"""Resampling of runs, and intervals from draws."""

import numpy as np

from ..estimate import Estimate

LEVEL = 0.95


def generator(seed):
    """The only source of random numbers of icl_lab.stats: Philox, a counter-based generator; equal seeds give equal numbers."""
    return np.random.Generator(np.random.Philox(seed))


def ends(draws, level=LEVEL):
    """The percentile interval of draws. NaN among them are left out; if they are more than a tail of it, (1 - level) / 2, they could lie beyond
    either end, and both ends are NaN."""
    draws = np.asarray(draws, dtype=float)
    tail = (1 - level) / 2
    if draws.size == 0 or np.isnan(draws).mean() > tail:
        return float("nan"), float("nan")
    draws = draws[~np.isnan(draws)]
    low, high = np.quantile(draws, [tail, 1 - tail], method="nearest" if np.isinf(draws).any() else "linear")
    return float(low), float(high)


def drawn(value, draws, method, n, level=LEVEL):
    """The estimate of a value with the percentile interval of its draws; the method says so where too many of them are NaN for one."""
    low, high = ends(draws, level)
    if np.isnan(low):
        method += f"; no interval, as {100 * np.isnan(np.asarray(draws, dtype=float)).mean():.3g} % of the draws have no value"
    return Estimate(value, low, high, method, n)


def bootstrap(groups, statistic, *, seed, draws=2000, level=LEVEL):
    """Estimate of statistic(groups), runs resampled within each group: percentile interval.

    groups: list of arrays, the first axis of each numbering its runs; statistic: list of such arrays -> number. With few runs a group the
    percentile interval is too narrow by about sqrt(1 - 1/n); where a closed form is known (shares, thresholds, power laws, medians) use that.
    """
    groups = [np.asarray(group) for group in groups]
    if not groups or any(len(group) == 0 for group in groups):
        raise ValueError("bootstrap: every group needs at least one run")
    random = generator(seed)
    found = [statistic([group[random.integers(0, len(group), len(group))] for group in groups]) for _ in range(draws)]
    return drawn(statistic(groups), found, "bootstrap over runs, percentile", sum(map(len, groups)), level)
