"""The predicates behind the claims: evidence to tests. The thresholds are the card's and were fixed before any run."""

from __future__ import annotations

from geomem.studies.claim import Bound, Test
from geomem.studies.evidence import Evidence
from geomem.studies.pause_tokens.settings import Settings

MECHANICS, BOTH, CROSSED, COUNTS = "mechanics", "variants", "crossed", "counts"
"""Experiments; the first is the name of its condition, too."""

VARIANTS = {
    "standard-standard": (False, False),
    "standard-pause": (False, True),
    "pause-standard": (True, False),
    "pause-pause": (True, True),
}
"""Condition -> pauses in pre-training, pauses in fine-tuning."""

VARIED = "m-varied"
SCORE = "lookup/held_out/accuracy"
CHANCE = "chance"
LEARNED = 0.8
"""Accuracy from which on a model counts as able to look up."""

EXACT = {
    "masked/error": "predictions of a pause that count, or others that do not",
    "gradient/pause_row": "largest gradient of the pause's output row",
    "no_pauses/difference": "largest difference of weights from ordinary training, without a pause",
    "last_pause/error": "loss less that read at the last pause, nats",
}


def counted(count: int) -> str:
    """Return the condition of a fixed number of pauses in fine-tuning."""
    return f"m-{count}"


def accuracy(count: int) -> str:
    """Return the metric of accuracy behind `count` pauses."""
    return f"pauses_{count}/accuracy"


def filler(count: int) -> str:
    """Return the metric of accuracy behind `count` copies of a token that has another meaning."""
    return f"filler_{count}/accuracy"


def mechanics(evidence: Evidence) -> list[Test]:
    """Ask that masks, gradients and limits are exact."""
    bounds = {"last_pause/error": 1e-5}
    return [
        Test(Bound(words, bounds.get(metric, 0.0), "at most"), evidence.measured(MECHANICS, metric))
        for metric, words in EXACT.items()
    ]


def needs_its_pauses(evidence: Evidence) -> list[Test]:
    """Ask that a model that has learned with pauses is no better without any."""
    count = _settings(evidence).pauses
    own, none = (evidence.measured("pause-pause", accuracy(asked)) for asked in (count, 0))
    words = "accuracy without pauses less that with all of them"
    return [_learned("pause-pause", own), Test(Bound(words, 0.0, "at most"), _less(none, own))]


def is_not_worse(evidence: Evidence) -> list[Test]:
    """Ask that pauses in both stages are at most two points worse than none in either."""
    plain = evidence.measured("standard-standard", accuracy(0))
    own = evidence.measured("pause-pause", accuracy(_settings(evidence).pauses))
    words = "accuracy with pauses in both stages less that without"
    return [_learned("standard-standard", plain), Test(Bound(words, -0.02, "at least"), _less(own, plain))]


def filler_does_not_help(evidence: Evidence) -> list[Test]:
    """Ask that an ordinary token again and again, untrained for it, gains at most two points."""
    count = _settings(evidence).pauses
    plain, filled = (evidence.measured("standard-standard", name) for name in (accuracy(0), filler(count)))
    words = "accuracy behind untrained filler less that without"
    return [_learned("standard-standard", plain), Test(Bound(words, 0.02, "at most"), _less(filled, plain))]


def half_is_enough(evidence: Evidence) -> list[Test]:
    """Ask that a model that saw many counts is within ten points of itself at half of the largest."""
    most = max(_settings(evidence).varied)
    own, half = (evidence.measured(VARIED, accuracy(count)) for count in (most, most // 2))
    gap = {seed: abs(value) for seed, value in _less(half, own).items()}
    return [_learned(VARIED, own), Test(Bound("difference of accuracy at half the pauses", 0.1, "at most"), gap)]


def _settings(evidence: Evidence) -> Settings:
    return evidence.settings


def _learned(condition: str, values: dict[int, float]) -> Test:
    return Test(Bound(f"accuracy of {condition}", LEARNED, "at least"), values, needed=True)


def _less(one: dict[int, float], two: dict[int, float]) -> dict[int, float]:
    return {seed: one[seed] - two[seed] for seed in one}
