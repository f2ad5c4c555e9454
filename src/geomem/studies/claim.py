"""A claim of a paper, and the verdict that its evidence gives.

The rule is the same for every claim and is fixed before the run: each seed is one witness. When every seed meets the
threshold the claim is supported, when every seed misses it the claim is contradicted, and when the seeds disagree, or
there is none, it is inconclusive. The interval shown is Student's 95 % interval of the mean over seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import stats

from geomem.errors import RunError

if TYPE_CHECKING:
    from geomem.studies.evidence import Evidence

Verdict = Literal["supported", "contradicted", "inconclusive", "not run"]


@dataclass(frozen=True)
class Bound:
    """One side of a threshold, for a quantity named in words."""

    quantity: str
    value: float
    side: Literal["at least", "at most", "above", "below"]

    def met(self, value: float) -> bool:
        """Return whether a measured value is on the right side (NaN never is)."""
        if self.side in ("at least", "above"):
            return value > self.value if self.side == "above" else value >= self.value
        return value < self.value if self.side == "below" else value <= self.value

    def limit(self) -> str:
        """Return the threshold as a phrase."""
        return f"{self.side} {self.value:.3g}"

    def text(self) -> str:
        """Return quantity and threshold as a phrase."""
        return f"{self.quantity} {self.limit()}"


@dataclass(frozen=True)
class Test:
    """One measured quantity, a value a seed, against one bound.

    needed: the bound is a condition of the experiment (the control did learn what it was told), not the claim itself;
    missing it makes the claim inconclusive and never contradicts it.
    """

    bound: Bound
    values: Mapping[int, float]
    needed: bool = False

    __test__ = False  # not a test class for pytest

    def verdict(self) -> Verdict:
        """Return the verdict of the seeds on this bound alone."""
        met = [self.bound.met(value) for value in self.values.values() if not math.isnan(value)]
        if not met or len(met) < len(self.values):
            return "inconclusive"
        if all(met):
            return "supported"
        return "inconclusive" if any(met) or self.needed else "contradicted"

    def interval(self) -> tuple[float, float, float]:
        """Return mean, low and high: Student's 95 % interval over seeds (low = high = mean for one seed)."""
        values = np.array([value for value in self.values.values() if not math.isnan(value)])
        if len(values) == 0:
            return math.nan, math.nan, math.nan
        mean = float(values.mean())
        if len(values) == 1:
            return mean, mean, mean
        half = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values)))
        return mean, mean - half, mean + half


@dataclass(frozen=True)
class Claim:
    """A statement of the paper, in our words, with the predicate that judges it.

    judge: evidence of its experiment -> one or several tests; all must be supported for the claim to be, one
    contradicted test contradicts it. why: where the thresholds come from.
    """

    id: str
    statement: str
    source: str
    reported: str
    experiment: str
    why: str
    judge: Callable[[Evidence], list[Test]]


def combine(verdicts: list[Verdict]) -> Verdict:
    """Combine the verdicts of a claim's tests: the worst decides, contradiction first."""
    if not verdicts:
        return "inconclusive"
    if "contradicted" in verdicts:
        return "contradicted"
    return "supported" if all(verdict == "supported" for verdict in verdicts) else "inconclusive"


def deciding(tests: list[Test]) -> Test | None:
    """Return the test whose number is shown beside the verdict; None without tests.

    A contradicted one; else a condition that is not met; else one that is not supported; else the first of the claim
    itself, or of its conditions where it has nothing else.
    """

    def place(test: Test) -> int:
        if test.verdict() == "supported":
            return 4 if test.needed else 3
        return 0 if test.verdict() == "contradicted" else 1 if test.needed else 2

    return min(tests, key=place, default=None)


def judge(claim: Claim, evidence: Evidence | None) -> tuple[Verdict, list[Test], str]:
    """Return a claim's verdict, its tests and a note. Evidence that is missing makes it inconclusive and says so."""
    if evidence is None:
        return "not run", [], f"run it with --experiment {claim.experiment}"
    try:
        tests = claim.judge(evidence)
    except RunError as missing:
        return "inconclusive", [], str(missing)
    seeds = max((len(test.values) for test in tests), default=0)
    note = "one seed only" if seeds == 1 and evidence.cells else ""
    return combine([test.verdict() for test in tests]), tests, note
