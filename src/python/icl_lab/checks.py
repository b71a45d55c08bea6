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
    verdict: str  #: "holds", "undecided" or "fails"

    def __str__(self):
        low, high = self.bounds
        bounds = f"expected {text_of(low)}" if low == high else f"bounds {text_of(low)} to {text_of(high)}"
        found = str(self.estimate) if not isnan(self.estimate.value) else f"none ({self.estimate.method})"
        return f"{self.verdict:<9} {self.name}: {found}; {bounds} ({self.source})"


def verdict_of(estimate, low, high):
    """"holds": the whole interval lies within the bounds. "fails": it misses them, or there is no value. "undecided": the data cannot tell, since it
    overlaps the bounds but reaches out, since bounds of one value cannot be proved but only refuted, or since a value has no interval."""
    if isnan(estimate.value):
        return "fails"
    if not estimate.has_interval:
        return "undecided" if low <= estimate.value <= high else "fails"
    if estimate.high < low or estimate.low > high:
        return "fails"
    return "holds" if low < high and low <= estimate.low and estimate.high <= high else "undecided"


def judge(check, quantities):
    """The verdict of a [[check]]; a quantity that figure.py does not give, or could not have, fails."""
    estimate = quantities.get(check["quantity"], missing("figure.py does not compute it"))
    low, high = (float(bound) for bound in check["bounds"])
    return Verdict(check["name"], check["quantity"], (low, high), check["source"], check.get("note", ""), estimate, verdict_of(estimate, low, high))
