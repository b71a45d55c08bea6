"""Where a quantity that rises with x first reaches a level, from a few runs at each of several x."""

import numpy as np

from ..estimate import missing
from .bootstrap import drawn, generator


def first(x, means, level):
    """The x at which straight lines over ln x through means [..., x], in increasing x, first come from below a level to it; 0 if they begin there, infinite if they never do."""
    means = np.asarray(means, dtype=float)
    at = np.log(np.asarray(x, dtype=float))
    rises = (means[..., :-1] < level) & (means[..., 1:] >= level)
    left = rises.argmax(axis=-1)
    a, b = (np.take_along_axis(means, (left + shift)[..., None], axis=-1)[..., 0] for shift in (0, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = np.exp(at[left] + (at[left + 1] - at[left]) * (level - a) / (b - a))
    return np.where(rises.any(axis=-1), inside, np.where(means[..., 0] >= level, 0.0, np.inf))


def crossing(x, values, level=0.5, *, seed, draws=4000):
    """Estimate of the x at which the mean over runs first reaches a level, in straight lines over ln x.

    x, values: of each run. Interval: percentiles of the crossings of means that are drawn at each x from Student's t about the measured one, with the
    standard error and n - 1 degrees of freedom of its own runs; a bootstrap of three runs would be too narrow by far. Missing with fewer than two x, or one run at
    an x. NaN among the values are left out.
    """
    x, values = np.asarray(x, dtype=float), np.asarray(values, dtype=float)
    x, values = x[~np.isnan(values)], values[~np.isnan(values)]
    places = np.unique(x)
    groups = [values[x == place] for place in places]
    if places.size < 2 or min(map(len, groups)) < 2:
        return missing("needs two x, and two runs at each", x.size)
    random = generator(seed)
    means = np.array([group.mean() for group in groups])
    found = np.stack([group.mean() + group.std(ddof=1) / np.sqrt(group.size) * random.standard_t(group.size - 1, draws) for group in groups], axis=-1)
    return drawn(float(first(places, means, level)), first(places, found, level), "means in lines over ln x; Student's t at each x", x.size)
