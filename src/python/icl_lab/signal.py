"""The memorisation signal I_K of memorisers trained alone, and the K at which it is what the theory needs."""

import numpy as np


def signal_of(runs):
    """(K, mean ln I_K at the end) of the runs that memorised: those that stopped at their c1."""
    runs = runs[runs["stop_reason"] == "c1"]
    K = np.unique(runs["data.K"])
    return K, np.array([np.log(runs["final_I_K"][runs["data.K"] == k]).mean() for k in K])


def threshold_of_memorisers(runs, needed):
    """The K at which I_K(infinity) = needed: straight in log-log between neighbours, and beyond the measured K along the line through all of them.
    NaN if fewer than two K were memorised."""
    K, log_signal = signal_of(runs)
    if K.size < 2:
        return float("nan")
    target = np.log(needed)
    if log_signal[0] <= target <= log_signal[-1] and (np.diff(log_signal) > 0).all():
        return float(np.exp(np.interp(target, log_signal, np.log(K))))
    slope, offset = np.polyfit(np.log(K), log_signal, 1)
    return float(np.exp((target - offset) / slope))
