"""The threshold K* of a transition from "no run acquires" to "every run does", and how it depends on something else.

Its value is the estimate of Spearman and Kaerber (Finney 1978, Statistical Method in Biological Assay; Miller 1973, Biometrika 60, 535). Its
interval, and those of all that is made of it, are quantiles of a posterior: of a logistic rise of the share in ln K, with flat priors on ln K* and on
its width s (_posterior).
"""

import numpy as np
from scipy.optimize import least_squares

from ..estimate import Estimate, missing
from .bootstrap import drawn, ends, generator

SIX = 6      # runs of one outcome that a share of one half gives in less than 2.5 % of data sets
METHOD = "Spearman-Kaerber, interval from the likelihood of a logistic rise"


def counts(K, acquired):
    """Sorted distinct K, runs that acquired, runs; pairs with a NaN are left out."""
    K, acquired = np.asarray(K, dtype=float), np.asarray(acquired, dtype=float)
    if K.shape != acquired.shape:
        raise ValueError("threshold: needs as many K as outcomes")
    there = ~(np.isnan(K) | np.isnan(acquired))
    K, acquired = K[there], acquired[there] != 0
    if not np.isfinite(K).all() or (K <= 0).any():
        raise ValueError("threshold: K must be positive and finite; leave runs of K = infinity out")
    distinct, place = np.unique(K, return_inverse=True)
    return distinct, np.bincount(place, weights=acquired).astype(int), np.bincount(place)  # of no runs: three empty arrays


def bracket(K, acquired):
    """(largest K below which and at which no run acquired, smallest K above which and at which all did); 0 and inf where there is none."""
    K, k, n = counts(K, acquired)
    none = np.flatnonzero(np.cumsum(k) == 0)
    every = np.flatnonzero(np.cumsum((n - k)[::-1])[::-1] == 0)
    return (float(K[none[-1]]) if none.size else 0.0, float(K[every[0]]) if every.size else float("inf"))


def monotone(p, weights):
    """Rows of p made non-decreasing by pooling neighbours (weighted least squares: PAVA as max-min of averages)."""
    p = np.atleast_2d(p)
    m = p.shape[1]
    sums = np.concatenate([np.zeros((p.shape[0], 1)), np.cumsum(p * weights, axis=1)], axis=1)
    total = np.concatenate([[0], np.cumsum(weights)])
    best = np.full_like(p, -np.inf)
    for i in range(m):
        for first in range(i + 1):
            averages = (sums[:, i + 1:] - sums[:, [first]]) / (total[i + 1:] - total[first])
            best[:, i] = np.maximum(best[:, i], averages.min(axis=1))
    return best


def _log_threshold(x, p):
    """Spearman-Kaerber: the mean of the distribution over log K whose cumulative shares are p (rows). What lies beyond the ends is put
    one step of the grid outside."""
    steps = np.diff(x) if x.size > 1 else np.array([np.log(2.0)])
    grid = np.concatenate([[x[0] - steps[0]], x, [x[-1] + steps[-1]]])
    p = np.concatenate([np.zeros((p.shape[0], 1)), p, np.ones((p.shape[0], 1))], axis=1)
    return (np.diff(p, axis=1) * (grid[1:] + grid[:-1]) / 2).sum(axis=1)


def _posterior(K, k, n, places=800, widths=40):
    """(ln K* [places], widths s [widths], posterior [places, widths], not normalised) of a logistic rise of the share in ln K,
    1 / (1 + exp(-(ln K - ln K*) / s)). The prior is flat in ln K* from one step below the grid to one above, as _log_threshold has it, and in s from
    a hundredth of the least step to the span of the grid. (Flat to a whole span outside the grid, its tail of wide rises would draw the near end of
    the interval past the truth: that held it in 92 % where K* was two steps off the middle.) The widths are spaced geometrically, and each column
    holds the factor s that makes it flat in s."""
    x = np.log(K)
    pitch = np.diff(x).min() if x.size > 1 else np.log(2.0)
    span = max(x[-1] - x[0], pitch)
    place = np.linspace(x[0] - pitch, x[-1] + pitch, places)
    s = np.geomspace(pitch / 100, span, widths)
    logit = (x[:, None, None] - place[:, None]) / s
    log_likelihood = -(k[:, None, None] * np.logaddexp(0, -logit) + (n - k)[:, None, None] * np.logaddexp(0, logit)).sum(axis=0)
    return place, s, np.exp(log_likelihood - log_likelihood.max()) * s


def _draws(K, acquired, random, draws):
    """ln K* drawn from its posterior, the width integrated over.

    Unlike resampled shares this does not draw K* towards the middle of the grid where the grid ends within the rise: there resampling holds the truth in
    as few as 83 % of data sets (tests/lab/coverage.py).
    """
    place, _, posterior = _posterior(*counts(K, acquired))
    cumulated = np.cumsum(posterior.sum(axis=1))
    chosen = np.minimum(np.searchsorted(cumulated / cumulated[-1], random.random(draws)), place.size - 1)
    return place[chosen] + (place[1] - place[0]) * (random.random(draws) - 0.5)


def spearman_karber(K, acquired, *, seed, draws=2000):
    """K*, the K at which half of the runs acquire, by Spearman-Kaerber on log K with shares made monotone.

    Closed form, and it survives a transition between two neighbours of the grid, where a logistic regression diverges. Interval: quantiles of the
    posterior of a logistic rise, its width integrated over. Where neighbours part the outcomes perfectly, K* may lie anywhere between them, and the
    interval is widened to that bracket. An end beyond the grid, where the prior would set it, is 0 or inf. Where none (all) of the runs acquired, K*
    is inf (0) and the interval one-sided, from the K from which on (up to which) six runs say so. Missing without runs, and where the runs of one K
    alone differ.
    """
    distinct, k, n = counts(K, acquired)
    runs = int(n.sum())
    if distinct.size == 0 or (distinct.size == 1 and 0 < k[0] < runs):
        return missing("one K alone" if runs else "there is no run", runs)
    if k.sum() == 0:
        sure = np.flatnonzero(np.cumsum(n[::-1])[::-1] >= SIX)
        return Estimate(float("inf"), float(distinct[sure[-1]]) if sure.size else 0.0, float("inf"), "no run acquired", runs)
    if (k == n).all():
        sure = np.flatnonzero(np.cumsum(n) >= SIX)
        return Estimate(0.0, 0.0, float(distinct[sure[0]]) if sure.size else float("inf"), "every run acquired", runs)
    value = float(np.exp(_log_threshold(np.log(distinct), monotone(k / n, n))[0]))
    low, high = np.exp(ends(_draws(K, acquired, generator(seed), draws)))
    low, high = (low if low >= distinct[0] else 0.0), (high if high <= distinct[-1] else np.inf)
    lower, upper = bracket(K, acquired)
    if np.searchsorted(distinct, upper) - np.searchsorted(distinct, lower) == 1 and lower > 0:
        low, high = min(low, lower), max(high, upper)
    return Estimate(value, low, high, METHOD, runs)


def width(K, acquired):
    """log10 of the factor in K over which the share rises from 10 to 90 %: 2 ln 9 s / ln 10, s the width of a logistic rise. Median and interval of
    its posterior, K* integrated over. Missing where none or all of the runs acquired, and with one K alone: the grid then holds no rise."""
    distinct, k, n = counts(K, acquired)
    runs = int(n.sum())
    if distinct.size < 2 or k.sum() == 0 or (k == n).all():
        return missing("no rise within the grid", runs)
    _, s, posterior = _posterior(distinct, k, n, places=200, widths=400)
    mass = posterior.sum(axis=0) / posterior.sum()
    low, middle, high = (2 * np.log(9) / np.log(10) * np.interp([0.025, 0.5, 0.975], np.cumsum(mass) - mass / 2, s)).tolist()
    return Estimate(middle, low, high, "likelihood of a logistic rise, from 10 to 90 %", runs)


def sigmoid(K, accuracy, *, seed=None, draws=200):
    """K* = 10^b of the paper's fit accuracy = d / (1 + exp(-a (log10 K - b))) + c within a in [-1, 100], b in [2, 5], c in [0, 1], d in [0, 100]
    (least squares over runs). Four free parameters are ill-conditioned where the ends are not flat; it is there for comparison. With a seed, the
    interval is a bootstrap over runs within K. Pairs with a NaN are left out; missing with fewer than four K."""
    K, accuracy = np.asarray(K, dtype=float), np.asarray(accuracy, dtype=float)
    there = ~(np.isnan(K) | np.isnan(accuracy))
    K, accuracy = K[there], accuracy[there]
    if np.unique(K).size < 4:
        return missing("four free parameters need four K", K.size)
    x = np.log10(K)

    def fit(y):
        residual = lambda q: q[3] / (1 + np.exp(-np.clip(q[0] * (x - q[1]), -500, 500))) + q[2] - y
        middle = float(np.clip(np.interp(0.75, *_sorted_means(x, y)), 2.0, 5.0))
        fits = [least_squares(residual, [a, middle, 0.5, 0.5], bounds=([-1, 2, 0, 0], [100, 5, 1, 100])) for a in (3.0, 12.0)]
        return 10 ** min(fits, key=lambda f: f.cost).x[1]

    value = fit(accuracy)
    if seed is None:
        return Estimate(float(value), float("nan"), float("nan"), "the paper's sigmoid", K.size)
    random = generator(seed)
    found = []
    for _ in range(draws):
        chosen = np.empty(K.size, dtype=int)
        for k in np.unique(K):
            there = np.flatnonzero(K == k)
            chosen[there] = random.choice(there, there.size)
        found.append(fit(accuracy[chosen]))
    return drawn(value, found, "the paper's sigmoid, bootstrap over runs", K.size)


def _sorted_means(x, y):
    """Means of y at each x, made increasing: for np.interp's first guess."""
    distinct, place = np.unique(x, return_inverse=True)
    means = np.bincount(place, weights=y) / np.bincount(place)
    means = np.maximum.accumulate(means) + 1e-9 * np.arange(means.size)
    return means, distinct


def slope(x, K, acquired, *, seed, draws=2000, log_x=True):
    """(slope, curvature) of ln K* on ln x (on x itself with log_x = False), K* by Spearman-Kaerber at each x. Interval: of the
    lines through draws of the posteriors of ln K*, independent at each x.

    The line has equal weights; curvature is the coefficient of the squared deviation of ln x from its mean, an Estimate too (missing with fewer than
    three x). Where K* lies outside the grid at some x, both are missing, as with one x. Runs with a NaN are left out.
    """
    x, K, acquired = (np.asarray(one, dtype=float) for one in (x, K, acquired))
    there = ~(np.isnan(x) | np.isnan(K) | np.isnan(acquired))
    x, K, acquired = x[there], K[there], acquired[there]
    places = np.unique(x)
    random = generator(seed)
    values, found = [], []
    for place in places:
        here = x == place
        at = spearman_karber(K[here], acquired[here], seed=seed, draws=2)
        if not 0 < at.value < np.inf:
            return (missing(f"K* lies outside of the grid at {place:g}", x.size),) * 2
        values.append(np.log(at.value))
        found.append(_draws(K[here], acquired[here], random, draws))
    if places.size < 2:
        return (missing("one x alone" if x.size else "there is no run", x.size),) * 2
    t = np.log(places) if log_x else places
    t = t - t.mean()
    logs = np.column_stack([np.array(values), np.array(found)])
    line = np.linalg.lstsq(np.vander(t, 2), logs, rcond=None)[0][0]
    result = drawn(line[0], line[1:], "line through log K*; " + METHOD, x.size)
    if places.size < 3:
        return result, missing("two x alone", x.size)
    bend = np.linalg.lstsq(np.vander(t, 3), logs, rcond=None)[0][0]
    return result, drawn(bend[0], bend[1:], "parabola through log K*; " + METHOD, x.size)


def at_horizons(K, t_icl, horizon, *, seed, fractions=(0.25, 0.5, 1.0)):
    """K* read at fractions of each run's horizon: a run counts as acquired there if its t_icl (NaN: never) lies before. A list of Estimates."""
    t_icl, horizon = np.asarray(t_icl, dtype=float), np.asarray(horizon, dtype=float)
    return [spearman_karber(K, t_icl <= fraction * horizon, seed=seed) for fraction in fractions]


def ratio(over, under, n):
    """Of two thresholds, their intervals carried on the log scale as if independent: half lengths add in squares."""
    if not all(0 < e.low and e.high < np.inf and np.isfinite(e.value) for e in (over, under)):
        return missing("a threshold lies outside of the grid", n)
    half = np.hypot(np.log(over.high / over.low), np.log(under.high / under.low)) / 2
    value = over.value / under.value
    return Estimate(value, value * np.exp(-half), value * np.exp(half), "Spearman-Kaerber of both", n)
