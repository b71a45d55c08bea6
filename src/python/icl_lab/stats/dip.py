"""Hartigan & Hartigan's dip: how far a sample is from having one mode (1985, Annals of Statistics 13, 70)."""

import numpy as np

from .bootstrap import generator


def _minorant(x):
    """For each point the one before it on the greatest convex minorant of the empirical distribution up to it."""
    before = [0] * x.size
    for j in range(1, x.size):
        before[j] = j - 1
        while True:
            a = before[j]
            b = before[a]
            if a == 0 or (x[j] - x[a]) * (a - b) < (x[a] - x[b]) * (j - a):
                break
            before[j] = b
    return before


def _gap(x, ends, above):
    """The largest distance of the empirical distribution from the chords between successive ends, at least one step."""
    largest = 1.0
    for first, last in zip(ends, ends[1:]):
        if last - first > 1 and x[last] != x[first]:
            j = np.arange(first, last + 1)
            chord = (x[j] - x[first]) * ((last - first) / (x[last] - x[first]))
            distance = j - first + 1 - chord if above else chord - (j - first - 1)
            largest = max(largest, float(distance.max()))
    return largest


def _widest(x, gcm, lcm):
    """Largest distance between minorant (from the high end down) and majorant (from the low end up): it and where it lies in both."""
    ix, iv = len(gcm) - 2, 1
    ig, ih, d = len(gcm) - 1, len(lcm) - 1, 0.0
    while True:
        g, l = gcm[ix], lcm[iv]
        if g > l:
            start = gcm[ix + 1]
            distance = (l - start + 1) - (x[l] - x[start]) * (g - start) / (x[g] - x[start])
            iv += 1
            if distance >= d:
                d, ig, ih = distance, ix + 1, iv - 1
        else:
            start = lcm[iv - 1]
            distance = (x[g] - x[start]) * (l - start) / (x[l] - x[start]) - (g - start - 1)
            ix -= 1
            if distance >= d:
                d, ig, ih = distance, ix + 1, iv
        ix, iv = max(ix, 0), min(iv, len(lcm) - 1)
        if gcm[ix] == lcm[iv]:
            return d, ig, ih


def dip(x):
    """The dip of a sample, between 1/(2n) and 1/4."""
    x = np.sort(np.asarray(x, dtype=float))
    n = x.size
    if n < 2 or x[0] == x[-1]:
        return 1 / (2 * max(n, 1))
    before = _minorant(x)
    after = [n - 1 - j for j in _minorant(-x[::-1])[::-1]]
    low, high, found = 0, n - 1, 1.0
    while True:
        gcm, lcm = [high], [low]
        while gcm[-1] > low:
            gcm.append(before[gcm[-1]])
        while lcm[-1] < high:
            lcm.append(after[lcm[-1]])
        d, ig, ih = (1.0, len(gcm) - 1, len(lcm) - 1) if len(gcm) == len(lcm) == 2 else _widest(x, gcm, lcm)
        if d < found:
            return found / (2 * n)
        found = max(found, _gap(x, gcm[ig:][::-1], True), _gap(x, lcm[ih:], False))
        if low == gcm[ig] and high == lcm[ih]:
            return found / (2 * n)
        low, high = gcm[ig], lcm[ih]


def dip_test(x, *, seed, draws=1000):
    """(dip, p): p is the share of uniform samples of the same size, the least favourable with one mode, whose dip is as large."""
    x = np.asarray(x, dtype=float)
    x = x[~np.isnan(x)]
    if x.size < 4:
        return float("nan"), float("nan")
    found = dip(x)
    random = generator(seed)
    larger = sum(dip(random.random(x.size)) >= found for _ in range(draws))
    return float(found), (1 + larger) / (1 + draws)
