"""icl_lab.stats against R: survfit, survdiff and survreg of the package survival, dip of the package diptest.

usage: against_r.py      with src/python in PYTHONPATH; needs r-cran-survival and r-cran-diptest
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from icl_lab import stats

R = """
library(survival); library(diptest)
for (folder in list.dirs(commandArgs(TRUE)[1], recursive = FALSE)) {
  d <- read.csv(file.path(folder, "data.csv"))
  q <- quantile(survfit(Surv(time, event) ~ 1, data = d, conf.type = "log-log"), 0.5)
  number <- function(x) ifelse(is.na(x), "Infinity", sprintf("%.12g", x))
  logrank <- survdiff(Surv(time, event) ~ group, data = d)
  fits <- sapply(c("lognormal", "weibull", "exponential"), function(f) survreg(Surv(time, event) ~ 1, data = d, dist = f)$loglik[1])
  cat(sprintf('{"median": [%s, %s, %s], "logrank": %.12g, "dip": %.12g, "loglik": [%s]}\\n', number(q$quantile), number(q$lower), number(q$upper),
      1 - pchisq(logrank$chisq, length(logrank$n) - 1), dip(log(d$time)), paste(sprintf("%.12g", fits), collapse = ", ")))
}
"""


def data_sets(folder, number=60):
    random = stats.generator(7)
    for i in range(number):
        n = int(random.integers(8, 60))
        time = np.exp(random.normal(3, random.uniform(0.2, 0.8), n))
        if i % 3 == 0:
            time = np.ceil(time / 5) * 5  # ties, as evaluations make them
        horizon = np.quantile(time, random.uniform(0.4, 1.0))
        event = time <= horizon
        time, group = np.minimum(time, horizon), np.arange(n) % 2
        path = Path(folder) / f"{i:03d}"
        path.mkdir()
        rows = "\n".join(f"{t:.17g},{int(e)},{g}" for t, e, g in zip(time, event, group))
        (path / "data.csv").write_text(f"time,event,group\n{rows}\n")
        yield time, event, group


def main():
    with tempfile.TemporaryDirectory(prefix="icl-r-") as folder:
        sets = list(data_sets(folder))
        done = subprocess.run(["Rscript", "-e", R, folder], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
    worst = dict.fromkeys(("median", "log-rank", "dip", "log-likelihood"), 0.0)
    wrong = []
    for i, ((time, event, group), answer) in enumerate(zip(sets, answers, strict=True)):
        median = stats.survival.kaplan_meier(time, event).median()
        ours = np.array([median.value, median.low, median.high])
        theirs = np.array(answer["median"], dtype=float)
        if not (np.isinf(ours) == np.isinf(theirs)).all():
            wrong.append(f"median of data set {i}: {ours}, R has {theirs}")
            continue
        finite = np.isfinite(ours)
        found = {"median": np.abs(ours[finite] / theirs[finite] - 1).max(initial=0.0),
                 "log-rank": abs(stats.survival.logrank([(time[group == g], event[group == g]) for g in (0, 1)]) - answer["logrank"]),
                 "dip": abs(stats.dip.dip(np.log(time)) - answer["dip"]),
                 "log-likelihood": max(abs(stats.censored.fit(time, event, f).log_likelihood - r)
                                       for f, r in zip(stats.censored.FAMILIES, answer["loglik"]))}
        worst = {name: max(worst[name], float(value)) for name, value in found.items()}
    for name, value in worst.items():
        print(f"{name:<16} differs from R by at most {value:.2g} in {len(sets)} data sets")
        if value > 1e-5:
            wrong.append(f"{name}: {value:.2g}")
    for sentence in wrong:
        print(sentence)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
