"""What the program's own theory says: icl theory, called as $ICL_PROGRAM (or icl of $PATH)."""

import json
import os
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from .read import BadInput, Landscape


def _call(*arguments):
    command = [os.environ.get("ICL_PROGRAM", "icl"), "theory", *map(str, arguments)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise BadInput(f"'{command[0]}' cannot be started for the theory's line: {error.strerror}") from None
    if done.returncode:
        raise BadInput(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


@lru_cache
def tau_star(beta0, N, learning_rate=0.01, c2=0.5, landscape=False, attend_self=False):
    """The dict of icl theory tau-star: tau_star, t_icl_steps, and t_icl_steps_landscape on the landscape that is not expanded in 1/n."""
    flags = [flag for flag, wanted in (("--landscape", landscape), ("--attend-self", landscape and attend_self)) if wanted]
    return json.loads(_call("tau-star", "--beta0", beta0, "--N", N, "--learning-rate", learning_rate, "--c2", c2, "--json", *flags))


def landscape(N, w, beta):
    """L(w, beta) of a memoriser that knows nothing: a dict of arrays w, beta, loss, accuracy, dloss_dw, dloss_dbeta, nullcline.
    w and beta are (first, last, count)."""
    with tempfile.TemporaryDirectory(prefix="icl-lab-") as folder:
        path = Path(folder) / "landscape.h5"
        _call("landscape", "--N", N, "--w", *w, "--beta", *beta, "--out", path)
        file = Landscape(path)
        return {name: np.asarray(file.dataset(f"landscape/{name}"))
                for name in ("w", "beta", "loss", "accuracy", "dloss_dw", "dloss_dbeta", "nullcline")}


def flow(beta0, c2=0.5, beta_end=6.0, step=1e-3):
    """(w, beta) along dw/dtau = e^beta - c2 w, dbeta/dtau = w e^beta from w = 0, in steps of arc length (midpoint rule): for drawing, and for
    beta at a given w."""
    w, beta, path = 0.0, float(beta0), [(0.0, float(beta0))]
    while beta < beta_end and w < 50 and len(path) < 200000:
        def direction(w, beta):
            e = np.exp(beta)
            d = np.array([e - c2 * w, w * e])
            return d / np.hypot(*d)
        half = direction(w, beta) * step / 2
        move = direction(w + half[0], beta + half[1]) * step
        w, beta = w + move[0], beta + move[1]
        path.append((w, beta))
    return np.array(path).T
