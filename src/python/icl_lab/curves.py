"""What is read off a run's curves."""

import numpy as np


def first_above(steps, values, level, before=None):
    """The first step at which a curve is above a level and stays so until `before` (the first at all if None); NaN if there is none."""
    there = ~np.isnan(values) & (steps <= before if before is not None else True)
    steps, values = steps[there], values[there]
    below = np.flatnonzero(values <= level)
    if before is None:
        above = np.flatnonzero(values > level)
        return float(steps[above[0]]) if above.size else float("nan")
    place = below[-1] + 1 if below.size else 0
    return float(steps[place]) if place < steps.size else float("nan")


def rise_over_t_icl(sweep, low=0.6):
    """For each run that acquired ICL: (t_ICL - the step from which its ICL accuracy stayed above `low`) / t_ICL."""
    found = []
    for row, run in zip(sweep.runs, sweep.series("icl_accuracy")):
        if row["acquired"]:
            found.append((row["t_icl_step"] - first_above(sweep.steps, run, low, row["t_icl_step"])) / row["t_icl_step"])
    return np.array(found)
