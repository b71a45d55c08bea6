"""Times with censoring: a run that has not acquired (lost) ICL by its end says only that its time is larger."""

import numpy as np
from scipy.stats import norm

from ..estimate import Estimate, missing
from .bootstrap import LEVEL
from .shares import share


class KaplanMeier:
    """The estimate of the survival function S(t) = P(time > t) of Kaplan & Meier (1958, Journal of the American Statistical Association 53, 457),
    with the variance of Greenwood (1926, Reports on Public Health and Medical Subjects 33, 1) and intervals on the scale ln(-ln S), as R's survfit
    with conf.type = "log-log". Runs whose time is NaN are left out; of no runs all that is asked of it is missing."""

    def __init__(self, time, event):
        time = np.asarray(time, dtype=float)
        event = np.asarray(event, dtype=bool)
        if time.shape != event.shape:
            raise ValueError("Kaplan-Meier: needs as many times as events")
        time, event = time[~np.isnan(time)], event[~np.isnan(time)]
        if np.isinf(time).any():
            raise ValueError("Kaplan-Meier: a time is infinite; a run without an event has its last step as time")
        self.n = time.size
        self.times = np.unique(time[event])
        self.at_risk = np.array([(time >= t).sum() for t in self.times], dtype=int)
        self.events = np.array([(event & (time == t)).sum() for t in self.times], dtype=int)
        self.last = float(time.max(initial=-np.inf))  # beyond it nobody is at risk
        with np.errstate(divide="ignore", invalid="ignore"):
            self.survival = np.cumprod(1 - self.events / self.at_risk)
            self._variance = np.cumsum(self.events / (self.at_risk * (self.at_risk - self.events)))

    def limits(self, level=LEVEL):
        """Lower and upper confidence curve at `times`; NaN where S is 0, as in R."""
        z = norm.ppf((1 + level) / 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            log = np.log(self.survival)
            half = z * np.sqrt(self._variance) / np.abs(log)
            low, high = self.survival ** np.exp(half), self.survival ** np.exp(-half)
        dead = self.survival <= 0
        return np.where(dead, np.nan, low), np.where(dead, np.nan, high)

    def at(self, t):
        """S(t) with its interval; missing where nobody is at risk any more, unless all had their event."""
        if t > self.last and not (self.survival == 0).any():
            return missing(f"no run was followed up to {t:g}", self.n)
        place = np.searchsorted(self.times, t, side="right") - 1
        if place < 0:
            upper = share(0, self.n).high
            return Estimate(1.0, 1 - upper, 1.0, "Jeffreys, before the first event", self.n)
        low, high = (curve[place] for curve in self.limits())
        if np.isnan(low):
            return Estimate(0.0, 0.0, share(0, self.n).high, "Jeffreys, after the last event", self.n)
        return Estimate(float(self.survival[place]), float(low), float(high), "Kaplan-Meier, log-log", self.n)

    def quantile(self, p, level=LEVEL):
        """The time by which a share p has had its event, with the ends of its interval where the confidence curves cross 1 - p; inf where a curve does not
        fall that far."""
        if self.n == 0:
            return missing("there is no run")
        low, high = self.limits(level)
        def first(curve):
            below = np.flatnonzero((curve <= 1 - p + 1e-12) | np.isnan(curve))
            if below.size == 0:
                return float("inf")
            place = below[0]
            if abs(curve[place] - (1 - p)) > 1e-12:
                return float(self.times[place])
            # The curve runs along the level: the middle of that stretch, as in R.
            end = self.times[place + 1] if place + 1 < self.times.size else self.last
            return float((self.times[place] + end) / 2)
        upper = np.where(np.isnan(high), 2.0, high)  # the curve has no upper end where S is 0: nor has the quantile
        return Estimate(first(self.survival), first(low), first(upper), "Kaplan-Meier, log-log interval", self.n)

    def median(self):
        return self.quantile(0.5)


def kaplan_meier(time, event):
    return KaplanMeier(time, event)


def of_runs(runs, time="t_icl_step"):
    """(time, event) of rows of /runs: a run without the event is censored at its last step."""
    value = np.asarray(runs[time], dtype=float)
    event = ~np.isnan(value)
    return np.where(event, value, np.asarray(runs["last_step"], dtype=float)), event


def of_losses(runs):
    """(time from t_ICL to the loss of ICL, event) of the rows that acquired it."""
    runs = runs[~np.isnan(runs["t_icl_step"])]
    lost = ~np.isnan(runs["t_lost_step"])
    return np.where(lost, runs["t_lost_step"], runs["last_step"]) - runs["t_icl_step"], lost


def logrank(groups):
    """p of the log-rank test that all groups of (time, event) have one survival function (statsmodels' survdiff)."""
    from statsmodels.duration.survfunc import survdiff
    time = np.concatenate([np.asarray(t, dtype=float) for t, _ in groups])
    event = np.concatenate([np.asarray(e, dtype=int) for _, e in groups])
    label = np.concatenate([np.full(len(t), i) for i, (t, _) in enumerate(groups)])
    if event.sum() == 0 or np.unique(label).size < 2:
        return float("nan")
    return float(survdiff(time, event, label)[1])


def plateau(time, event, horizon):
    """(share that has not had its event by the horizon, share that has it in the last half of the horizon): a plateau is there where the second is
    about 0 and the first is neither 0 nor 1."""
    time, event = np.asarray(time, dtype=float), np.asarray(event, dtype=bool)
    late = int((event & (time > horizon / 2) & (time <= horizon)).sum())
    return KaplanMeier(time, event).at(horizon), share(late, time.size)
