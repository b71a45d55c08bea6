"""Lines through estimates."""

from dataclasses import dataclass

import numpy as np

from ..estimate import Estimate, missing


@dataclass(frozen=True)
class Line:
    slope: Estimate
    intercept: Estimate
    quadratic: Estimate    #: of the parabola, times (largest x)^2, relative to the line there: 0 for a line


def line(x, estimates):
    """Weighted least squares through estimates with intervals (their widths over 3.92 are the standard errors, taken on the log scale, as times are
    spread in proportion to themselves). Where the points scatter about the line by more than that, the intervals grow by the root of chi-squared over its
    degrees of freedom. Points without a finite value and interval are left out; without the one at the largest x nothing is said of a line."""
    last = estimates[int(np.argmax(x))]
    if not np.isfinite([last.value, last.low, last.high]).all():
        return Line(*[missing("the largest x has no finite interval", 0)] * 3)
    pairs = [(a, e) for a, e in zip(np.asarray(x, dtype=float), estimates) if np.isfinite([e.value, e.low, e.high]).all() and e.high > e.low > 0]
    if len(pairs) < 2:
        return Line(*[missing(f"{len(pairs)} points with an interval", 0)] * 3)
    x = np.array([a for a, _ in pairs])
    y = np.array([e.value for _, e in pairs])
    error = np.array([e.value * (np.log(e.high) - np.log(e.low)) / 3.92 for _, e in pairs])
    n = int(sum(e.n for _, e in pairs))

    def fit(degree):
        design = np.vander(x, degree + 1) / error[:, None]
        covariance = np.linalg.inv(design.T @ design)
        found = covariance @ design.T @ (y / error)
        free = x.size - degree - 1
        scatter = np.sum((design @ found - y / error) ** 2) / free if free > 0 else 1.0
        return found, np.sqrt(np.diag(covariance) * max(scatter, 1.0))

    def estimate(value, sd):
        return Estimate(float(value), float(value - 1.96 * sd), float(value + 1.96 * sd), "weighted least squares", n)
    (a, b), (sa, sb) = fit(1)
    if x.size < 3:
        return Line(estimate(a, sa), estimate(b, sb), missing("two points alone", n))
    coefficients, sds = fit(2)
    scale = x.max() ** 2 / (a * x.max() + b)
    return Line(estimate(a, sa), estimate(b, sb), estimate(coefficients[0] * scale, abs(sds[0] * scale)))
