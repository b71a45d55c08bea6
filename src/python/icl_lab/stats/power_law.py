"""y ~ x^slope from a few runs at each of several x."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from ..estimate import Estimate, missing
from .bootstrap import LEVEL


@dataclass(frozen=True)
class PowerLaw:
    slope: Estimate
    curvature: Estimate          #: coefficient of (ln x - mean)^2: a power law is refuted if its interval excludes 0
    prefactor: float             #: A of A x^slope
    neighbours: list             #: (x, next x, slope between their mean logs)
    leave_one_out: tuple         #: least and greatest slope with one x left out


def _no_law(reason, n):
    nan = float("nan")
    return PowerLaw(missing(reason, n), missing(reason, n), nan, [], (nan, nan))


def _coefficient(t, means, variances, counts, degree, method):
    """Leading coefficient of the polynomial through the groups' means, and its interval from the spread within groups: Student's t with the degrees
    of freedom of Satterthwaite (1946, Biometrics Bulletin 2, 110), sum(v)^2 / sum(v^2 / (count - 1)) for parts v of the variance. Where a group of
    one run has no spread of its own, all are given the pooled one, which has sum(count - 1) degrees."""
    weights = np.linalg.pinv(np.vander(t, degree + 1))[0]
    value, free = weights @ means, counts - 1
    if not free.any():
        return Estimate(value, float("nan"), float("nan"), "one run at each x", counts.sum())
    if free.all():
        parts = weights ** 2 * variances / counts
        total = parts.sum()
        degrees = total ** 2 / (parts ** 2 / free).sum() if total > 0 else 1.0
    else:
        total, degrees = (variances @ free / free.sum()) * (weights ** 2 / counts).sum(), free.sum()
    half = student.ppf((1 + LEVEL) / 2, degrees) * np.sqrt(total)
    return Estimate(value, value - half, value + half, method, counts.sum())


def fit(x, y):
    """The line (equal weights) through the means of ln y at each ln x.

    Interval: the spread of ln y within each x, carried through the line, with Satterthwaite's degrees of freedom. A percentile bootstrap of three to
    five runs at each x would be too narrow by sqrt(1 - 1/n) and by the Gaussian quantile; this covers (tests/lab/coverage.py). It says how well the
    line through these x is known, not whether it is one: for that see the curvature. Pairs with a NaN are left out; of fewer than two x, and of
    numbers without a logarithm, all is missing (NaN).
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    there = ~(np.isnan(x) | np.isnan(y))
    x, y = x[there], y[there]
    if not ((x > 0) & (y > 0) & np.isfinite(x) & np.isfinite(y)).all():
        return _no_law("x and y must be positive and finite", x.size)
    places = np.unique(x)
    if places.size < 2:
        return _no_law("one x alone has no slope" if places.size else "there is no run", x.size)
    logs = [np.log(y[x == place]) for place in places]
    counts = np.array([group.size for group in logs])
    means = np.array([group.mean() for group in logs])
    variances = np.array([group.var(ddof=1) if group.size > 1 else 0.0 for group in logs])
    t = np.log(places) - np.log(places).mean()
    method = "line through mean logs, t interval from the spread within x"
    slope = _coefficient(t, means, variances, counts, 1, method)
    bend = _coefficient(t, means, variances, counts, 2, method.replace("line", "parabola")) if places.size > 2 else missing("two x alone", x.size)
    slopes = [np.polyfit(np.delete(t, i), np.delete(means, i), 1)[0] for i in range(t.size)] if t.size > 2 else [slope.value]
    neighbours = [(float(a), float(b), float(s)) for a, b, s in zip(places, places[1:], np.diff(means) / np.diff(t))]
    prefactor = float(np.exp(means.mean() - slope.value * np.log(places).mean()))
    return PowerLaw(slope, bend, prefactor, neighbours, (float(min(slopes)), float(max(slopes))))
