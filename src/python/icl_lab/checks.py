"""Verdicts: does the interval of a quantity lie within the bounds that were set before the runs?"""

from dataclasses import dataclass
from math import isnan

from .estimate import Estimate, missing, text_of


@dataclass(frozen=True)
class Verdict:
    name: str
    quantity: str
    bounds: tuple
    source: str
    note: str
    estimate: Estimate
    verdict: str  #: "holds", "agrees" or "fails"

    def __str__(self):
        low, high = self.bounds
        bounds = f"expected {text_of(low)}" if low == high else f"bounds {text_of(low)} to {text_of(high)}"
        found = str(self.estimate) if not isnan(self.estimate.value) else f"none ({self.estimate.method})"
        return f"{self.verdict:<7} {self.name}: {found}; {bounds} ({self.source})"


def verdict_of(estimate, low, high):
    """"holds": the whole interval lies within the bounds. "agrees": it overlaps them but reaches out, so the data cannot tell. "fails": it misses
    them, or there is no value. Without an interval the value alone is held to the bounds, and can at best agree. Bounds of one value hold for an
    interval that covers it."""
    if isnan(estimate.value):
        return "fails"
    if not estimate.has_interval:
        return "agrees" if low <= estimate.value <= high else "fails"
    if estimate.high < low or estimate.low > high:
        return "fails"
    if low == high:
        return "holds"
    return "holds" if low <= estimate.low and estimate.high <= high else "agrees"


def judge(check, quantities):
    """The verdict of a [[check]]; a quantity that figure.py does not give, or could not have, fails."""
    estimate = quantities.get(check["quantity"], missing("figure.py does not compute it"))
    low, high = (float(bound) for bound in check["bounds"])
    return Verdict(check["name"], check["quantity"], (low, high), check["source"], check.get("note", ""), estimate, verdict_of(estimate, low, high))
