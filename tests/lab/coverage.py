"""How often the intervals of icl_lab.stats hold the truth, over simulated data sets of known truth; ends with 1 if a design lies outside of 93 to 97 %.

usage: coverage.py [DATA_SETS]      default 4000, with src/python in PYTHONPATH
"""

import sys

import numpy as np

from icl_lab import stats

LOW, HIGH = 0.93, 0.97
# The log-log interval of a median moves in steps of one run and of 50 training steps, and holds both its ends: it covers more than it should, and
# nothing in between is to be had. Beyond the grid most intervals are one-sided.
WIDE = {"median: 20 runs": 0.993, "median: 30 runs": 0.985, "median: 24 runs, a quarter censored": 0.985, "median: 40 runs, 40 % censored": 0.985,
        "K*: 8 K, 8 runs, a step beyond the grid": 1.0}


def threshold(random, points, runs, width, off=0.0, ratio=2 ** 0.5):
    """K* at a random place, within half a step of `off` steps from the middle of the grid; each run acquires with a logistic probability in log K whose
    spread is `width` grid steps. (Where every run, or none, acquires, the one-sided interval counts.)"""
    log_K = np.log(200) + np.log(ratio) * np.arange(points)
    centre = log_K.mean() + (off + random.uniform(-0.5, 0.5)) * np.log(ratio)
    K = np.repeat(log_K, runs)
    acquired = random.random(K.size) < 1 / (1 + np.exp(-(K - centre) / (width * np.log(ratio))))
    found = stats.threshold.spearman_karber(np.exp(K), acquired, seed=int(random.integers(1 << 40)), draws=800)
    return found.low <= np.exp(centre) <= found.high


def median(random, runs, censored, sigma=0.4):
    """Log-normal times, of a median between two evaluations 50 steps apart, each seen at the evaluation that follows it, censored at the last
    evaluation before the quantile that leaves `censored` of them. The truth is the median of what is seen."""
    from scipy.stats import norm
    middle = random.uniform(1000, 1050)
    time = 50 * np.ceil(middle * np.exp(random.normal(0, sigma, runs)) / 50)
    horizon = 50 * np.floor(middle * np.exp(sigma * norm.ppf(1 - censored)) / 50) if censored else np.inf
    found = stats.survival.kaplan_meier(np.minimum(time, horizon), time <= horizon).median()
    return found.low <= 1050 <= found.high


def power(random, points, runs, sd, uneven=False):
    """I_K = 0.5 K^0.8 with log-normal noise, its sd growing along K if uneven."""
    K = np.repeat(np.geomspace(500, 20000, points), runs)  # runs: of each K, or a list
    noise = sd * (np.linspace(0.3, 1.7, points).repeat(runs) if uneven else 1.0)
    found = stats.power_law.fit(K, 0.5 * K ** 0.8 * np.exp(noise * random.normal(size=K.size))).slope
    return found.low <= 0.8 <= found.high


DESIGNS = {
    "K*: 8 K, 8 runs, spread of 1 step": lambda r: threshold(r, 8, 8, 1.0),
    "K*: 9 K, 10 runs, spread of 1 step": lambda r: threshold(r, 9, 10, 1.0),
    "K*: 8 K, 12 runs, spread of half a step": lambda r: threshold(r, 8, 12, 0.5),
    "K*: 10 K, 4 runs, spread of 1 step": lambda r: threshold(r, 10, 4, 1.0),
    "K*: 9 K, 10 runs, spread of 1.5 steps": lambda r: threshold(r, 9, 10, 1.5),
    "K*: 9 K, 10 runs, 2.5 steps off the middle": lambda r: threshold(r, 9, 10, 0.6, 2.5),
    "K*: 10 K, 4 runs, 3 steps off": lambda r: threshold(r, 10, 4, 0.6, 3),
    "K*: 8 K, 6 runs, 2 steps off": lambda r: threshold(r, 8, 6, 1.0, 2),
    "median: 20 runs": lambda r: median(r, 20, 0.0),
    "median: 30 runs": lambda r: median(r, 30, 0.0),
    "median: 24 runs, a quarter censored": lambda r: median(r, 24, 0.25),
    "median: 40 runs, 40 % censored": lambda r: median(r, 40, 0.4),
    "nu: 6 K, 5 runs": lambda r: power(r, 6, 5, 0.06),
    "nu: 6 K, 3 runs": lambda r: power(r, 6, 3, 0.06),
    "nu: 6 K, 4 runs, uneven noise": lambda r: power(r, 6, 4, 0.06, uneven=True),
    "nu: 6 K, 2 runs of one and 1 of the others": lambda r: power(r, 6, [2, 1, 1, 1, 1, 1], 0.06),
    "K*: 8 K, 8 runs, a step beyond the grid": lambda r: threshold(r, 8, 8, 1.0, 4.5),
}


def main(sets=4000):
    wrong = 0
    for number, (name, covers) in enumerate(DESIGNS.items()):
        random = stats.generator(1000 + number)
        share = np.mean([covers(random) for _ in range(sets)])
        error = 1.96 * np.sqrt(share * (1 - share) / sets)
        outside = not LOW <= share <= WIDE.get(name, HIGH)
        wrong += outside
        print(f"{name:<44} {100 * share:5.1f} % (+- {100 * error:.1f}){'   outside 93 to 97 %' if outside else ''}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
