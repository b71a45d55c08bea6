"""The one form in which a number with its uncertainty passes between statistics, figures and checks."""

from dataclasses import dataclass
from math import isinf, isnan


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval [low, high]. NaN for low and high: no interval is known; infinite ends: one-sided. Numbers of numpy become
    Python's, which JSON can hold; ValueError if low > high."""

    value: float
    low: float
    high: float
    method: str   #: how the interval was made, as a reader of a figure's caption wants it
    n: int        #: runs that it rests on
    unit: str = ""

    def __post_init__(self):
        for name, kind in (("value", float), ("low", float), ("high", float), ("n", int)):
            object.__setattr__(self, name, kind(getattr(self, name)))
        if self.low > self.high:
            raise ValueError(f"estimate: its interval ends before it begins: {self.low:g} to {self.high:g} ({self.method})")

    @property
    def has_interval(self):
        return not (isnan(self.low) or isnan(self.high))

    def __str__(self):
        unit = f" {self.unit}" if self.unit else ""
        if not self.has_interval:
            return f"{text_of(self.value)}{unit}"
        return f"{text_of(self.value)} ({text_of(self.low)} to {text_of(self.high)}){unit}"


def text_of(number):
    """Three to four digits, as a person would write them."""
    if isnan(number):
        return "none"
    if isinf(number):
        return "infinite" if number > 0 else "minus infinite"
    if number == 0 or 1e-3 <= abs(number) < 1e6:
        if number == int(number) or abs(number) >= 1000:
            return f"{number:,.0f}"
        return f"{number:#.3g}".rstrip(".")
    return f"{number:.2e}"


def missing(method, n=0, unit=""):
    """The estimate of something that could not be had."""
    nan = float("nan")
    return Estimate(nan, nan, nan, method, n, unit)
