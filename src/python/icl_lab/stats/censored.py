"""Distributions of times fitted with censoring, by maximum likelihood."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.stats import norm

from ..estimate import Estimate, missing

FAMILIES = ("lognormal", "weibull", "exponential")
NOT_VARIED = "fewer than two different times of events"


@dataclass(frozen=True)
class Fit:
    """ln t = mu + sigma W, with W Gaussian (lognormal) or of the smallest extreme (weibull; exponential with sigma = 1), as R's survreg."""

    family: str
    mu: float
    sigma: float
    log_likelihood: float
    parameters: int

    @property
    def aic(self):
        return 2 * self.parameters - 2 * self.log_likelihood

    def survival(self, t):
        w = (np.log(t) - self.mu) / self.sigma
        return norm.sf(w) if self.family == "lognormal" else np.exp(-np.exp(w))


def _log_likelihoods(family, mu, sigma, time, event, previous):
    """Of each run."""
    w = (np.log(time) - mu) / sigma
    if family == "lognormal":
        density, survival = norm.logpdf(w), norm.logsf(w)
    else:
        density, survival = w - np.exp(w), -np.exp(w)
    if previous is None:
        exact = density - np.log(sigma * time)
    else:
        with np.errstate(divide="ignore"):
            w0 = (np.log(previous) - mu) / sigma
        before = norm.logsf(w0) if family == "lognormal" else -np.exp(w0)
        exact = before + np.log(np.maximum(-np.expm1(np.minimum(survival - before, -1e-300)), 1e-300))
    return np.where(event, exact, survival)


def _varied(time, event):
    return np.unique(time[event]).size > 1


def _log_likelihood(*arguments):
    return float(_log_likelihoods(*arguments).sum())


def fit(time, event, family, previous=None):
    """Maximum likelihood with right censoring; with `previous` an event is known to lie in (previous, time] alone. At least two events."""
    if family not in FAMILIES:
        raise ValueError(f"fit: no family {family!r}; there are {', '.join(FAMILIES)}")
    time, event = np.asarray(time, dtype=float), np.asarray(event, dtype=bool)
    previous = None if previous is None else np.where(event, np.asarray(previous, dtype=float), 0.0)
    if event.sum() < 2:
        raise ValueError(f"fit: {int(event.sum())} events; two at least are needed")
    if (time <= 0).any():
        raise ValueError("fit: a time is not positive")
    fixed = family == "exponential"
    unpack = (lambda q: (q[0], 1.0)) if fixed else (lambda q: (q[0], np.exp(q[1])))
    start = [np.log(time).mean()] if fixed else [np.log(time).mean(), np.log(max(np.log(time[event]).std(), 0.05))]
    best = minimize(lambda q: -_log_likelihood(family, *unpack(q), time, event, previous), start, method="Nelder-Mead",
                    options={"xatol": 1e-9, "fatol": 1e-10, "maxiter": 4000})
    mu, sigma = unpack(best.x)
    return Fit(family, float(mu), float(sigma), -float(best.fun), 1 if fixed else 2)


def sd_ln_t(time, event, previous=None):
    """sigma of the log-normal fit, with the interval of its profile likelihood (chi-squared, 1 degree). Missing without two different times of
    events: the likelihood may then grow without bound as sigma falls to 0."""
    time, event = np.asarray(time, dtype=float), np.asarray(event, dtype=bool)
    if not _varied(time, event):
        return missing(NOT_VARIED, time.size)
    best = fit(time, event, "lognormal", previous)
    previous = None if previous is None else np.where(event, np.asarray(previous, dtype=float), 0.0)

    def fall(sigma):
        over_mu = minimize(lambda q: -_log_likelihood("lognormal", q[0], sigma, time, event, previous), [best.mu], method="Nelder-Mead")
        return best.log_likelihood + over_mu.fun - 1.920729
    low = brentq(fall, best.sigma / 50, best.sigma) if fall(best.sigma / 50) > 0 else 0.0
    high = brentq(fall, best.sigma, best.sigma * 50) if fall(best.sigma * 50) > 0 else float("inf")
    return Estimate(best.sigma, float(low), float(high), "log-normal with censoring, profile likelihood", time.size)


def aic_difference(groups, family, than):
    """AIC of `than` minus that of `family`, each fitted to every group (time, event) and summed: above 0 where `family` is the better. Twice the sum over runs of the
    difference of their log-likelihoods, but for the parameters; the interval is that of this sum by the spread of its terms (Vuong 1989, for families of which neither is a
    part of the other; asymptotic: of 12 runs of the wrong family it preferred that in at most 2.5 % of 200 simulations). Groups without two different times of events
    are left out: they have no likelihood."""
    value, variance, runs = 0.0, 0.0, 0
    for time, event in groups:
        time, event = np.asarray(time, dtype=float), np.asarray(event, dtype=bool)
        if not _varied(time, event):
            continue
        fits = [fit(time, event, one) for one in (family, than)]
        ours, theirs = (_log_likelihoods(f.family, f.mu, f.sigma, time, event, None) for f in fits)
        value += fits[1].aic - fits[0].aic
        variance += len(time) * np.var(2 * (ours - theirs), ddof=1)
        runs += len(time)
    if not runs:
        return missing(f"{NOT_VARIED} in each group", sum(len(time) for time, _ in groups))
    half = norm.ppf(0.975) * np.sqrt(variance)
    return Estimate(float(value), float(value - half), float(value + half), "maximum likelihood with censoring, summed over groups; interval of Vuong (1989)", runs)
