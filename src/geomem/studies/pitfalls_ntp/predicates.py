"""The predicates behind the claims: evidence to tests. The thresholds were fixed before any run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from geomem.studies.claim import Bound, Test
from geomem.studies.evidence import Evidence
from geomem.studies.over_training import Course, best, course, over_training
from geomem.studies.pitfalls_ntp.settings import Settings

TWO_ARMS, THREE_ARMS, THREE_NODES, FINITE, MAMBA, CASCADE = (
    "two-arms", "three-arms", "three-nodes", "finite", "mamba", "cascade",
)  # fmt: skip
"""Experiments."""

HELD_OUT = "paths/held_out"
EXACT, CHEAT, DECISION, ARM = (f"{HELD_OUT}/{name}" for name in ("exact", "cheat", "decision", "arm"))

SOLVED, CHEATS = 0.95, 0.9
"""Path accuracy at which a run has found the path, and cheat index from which on it is asked how it decides."""
WITHIN = 4000
"""Steps in which a reversed run must have found the path."""


@dataclass(frozen=True)
class Chance:
    """What an experiment's gates hold against: 1 / d and how far from it still counts as it."""

    level: float
    band: float
    path: float


HALF = Chance(1 / 2, band=0.10, path=0.55)
THIRD = Chance(1 / 3, band=0.08, path=1 / 3 + 0.08)


def solved_reversed(evidence: Evidence) -> list[Test]:
    """Ask that reversed training finds the whole path in time."""

    def in_time(exact: Course) -> float:
        return max(value for step, value in exact.items() if step <= WITHIN)

    found = over_training(evidence, "reversed", in_time, EXACT)
    return [Test(Bound(f"best path accuracy, reversed, within {WITHIN} steps", SOLVED, "at least"), found)]


def not_forward(chance: Chance) -> Callable[[Evidence], list[Test]]:
    """Ask that forward training has not found the path when reversed training has, seed by seed."""

    def judge(evidence: Evidence) -> list[Test]:
        found: dict[int, float] = {}
        for seed in evidence.seeds("forward"):
            if ("reversed", seed) not in evidence.cells:  # it diverged
                found[seed] = math.nan
                continue
            reached = course(evidence, "reversed", seed, EXACT).items()
            when = next((float(step) for step, value in reached if value >= SOLVED), math.inf)
            exact = course(evidence, "forward", seed, EXACT)
            # A run that ended before that step ended because its cheat was learned: its last value stands.
            at = [value for step, value in exact.items() if step <= when]
            found[seed] = at[-1] if math.isfinite(when) else math.nan
        lost = {seed: math.nan for name, seed in evidence.ended if name == "forward" and seed not in found}
        found = dict(sorted({**found, **lost}.items()))
        return [Test(Bound("forward path accuracy when reversed is solved", chance.path, "at most"), found)]

    return judge


def undecided(chance: Chance) -> Callable[[Evidence], list[Test]]:
    """Ask that the decision is a guess once the cheat is learned."""

    def judge(evidence: Evidence) -> list[Test]:
        decision = when_cheating(evidence, DECISION)
        words = f"decision accuracy once the cheat index is {CHEATS:g}"
        return [
            Test(Bound(words, chance.level - chance.band, "at least"), decision),
            Test(Bound(words, chance.level + chance.band, "at most"), decision),
            cheat_learned(evidence),
        ]

    return judge


def cheat_apart(evidence: Evidence) -> list[Test]:
    """Ask for a cheat index far above the decision's accuracy."""
    cheat, decision = when_cheating(evidence, CHEAT), when_cheating(evidence, DECISION)
    apart = {seed: cheat[seed] - decision[seed] for seed in cheat}
    return [Test(Bound("cheat index less decision accuracy", 0.3, "at least"), apart), cheat_learned(evidence)]


def follows_arms(evidence: Evidence) -> list[Test]:
    """Ask that nearly every free answer is an arm of the star from its root to its leaf."""
    words = f"arm validity once the cheat index is {CHEATS:g}"
    return [Test(Bound(words, 0.85, "at least"), when_cheating(evidence, ARM)), cheat_learned(evidence)]


def decision_alone(evidence: Evidence) -> list[Test]:
    """Ask that training on the decision alone leaves it a guess."""
    own: Settings = evidence.settings
    last = evidence.measured("first-token", DECISION)
    most = over_training(evidence, "first-token", best, DECISION)
    low, high = HALF.level - HALF.band, HALF.level + HALF.band
    return [
        Test(Bound(f"decision accuracy after {own.steps.first_token} steps", low, "at least"), last),
        Test(Bound("largest decision accuracy in training", high, "at most"), most),
    ]


def cheat_learned(evidence: Evidence) -> Test:
    """Return the test that the forward run learned the cheat at all: without it nothing says how it decides."""
    return Test(
        Bound("largest cheat index in training", CHEATS, "at least"),
        over_training(evidence, "forward", best, CHEAT),
        needed=True,
    )


def when_cheating(evidence: Evidence, metric: str) -> dict[int, float]:
    """Return a metric of the forward runs at the first evaluation with a cheat index of 0.9; NaN if there is none."""

    def then(cheat: Course, values: Course) -> float:
        step = next((step for step, value in cheat.items() if value >= CHEATS), None)
        return math.nan if step is None else values[step]

    return over_training(evidence, "forward", then, CHEAT, metric)
