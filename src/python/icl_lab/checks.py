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
    """"holds": the whole interval lies within the bounds. "fails": it misses them. "undecided": the data cannot tell, since it overlaps the bounds
    but reaches out, since bounds of one value cannot be proved but only refuted, or since they give no value or no interval (the estimate's method
    says why)."""
    if isnan(estimate.value) or not estimate.has_interval:
        return "undecided"
    if estimate.high < low or estimate.low > high:
        return "fails"
    return "holds" if low < high and low <= estimate.low and estimate.high <= high else "undecided"


def judge(check, quantities):
    """The verdict of a [[check]]. One of a quantity that figure.py does not return fails: that is a mistake in the item, nothing that its runs
    show."""
    low, high = (float(bound) for bound in check["bounds"])
    estimate = quantities.get(check["quantity"])
    verdict = "fails" if estimate is None else verdict_of(estimate, low, high)
    estimate = estimate or missing("figure.py does not compute it")
    return Verdict(check["name"], check["quantity"], (low, high), check["source"], check.get("note", ""), estimate, verdict)
