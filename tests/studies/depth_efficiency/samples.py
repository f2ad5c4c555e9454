"""Evidence as a run would have left it, with the card's reference values of a pilot."""

from __future__ import annotations

from collections.abc import Sequence

from geomem.runs.tables import Measurement
from geomem.studies.depth_efficiency.hops import OUTPUT, RIGHT, SCORE, TREND
from geomem.studies.depth_efficiency.predicates import BEST, FUTURE, KL, MODEL, MONOTONE, RATIO
from geomem.studies.depth_efficiency.settings import LAPTOP
from tests.studies.written import Written, row

WRITES = (7.4, 0.73, 0.36, 0.18, 0.15, 0.14)
WRITES_UNTRAINED = (0.41, 0.38, 0.36, 0.35, 0.33, 0.31)
LENS = (6.5, 0.77, 0.38, 0.15, 0.07, 0.02, 0.0)
LENS_UNTRAINED = (0.012, 0.010, 0.008, 0.006, 0.004, 0.002, 0.0)
LATER = (1.0, 0.5, 0.4, 0.2, 0.2)


def by_layer(metric: str, values: Sequence[float], condition: str = "") -> list[Measurement]:
    return [row(metric, value, layer=layer, condition=condition) for layer, value in enumerate(values)]


def battery(
    writes: Sequence[float] = WRITES, untrained: Sequence[float] = WRITES_UNTRAINED, lens: Sequence[float] = LENS,
    *, seeds: int = 2,
) -> Written:  # fmt: skip
    rows = [*by_layer(RATIO, writes), *by_layer(RATIO, untrained, "untrained"), *by_layer(KL, lens)]
    return Written("battery", {(MODEL, seed): rows for seed in range(seeds)}, LAPTOP)


def skips(later: Sequence[float] = LATER) -> Written:
    return Written("skips", {(MODEL, seed): by_layer(FUTURE, later) for seed in range(2)}, LAPTOP)


def maps(monotone: float = 1.0, best: Sequence[float] = (0, 1, 2, 3, 3, 3, 3)) -> Written:
    return Written("maps", {(MODEL, 0): [row(MONOTONE, monotone), *by_layer(BEST, best)]}, LAPTOP)


def hops(scores: Sequence[float] = (1.0, 2.0, 2.5, 3.0)) -> Written:
    rows: list[Measurement] = []
    for condition, shift in (("", 0.0), ("untrained", 0.5)):
        rows.append(row(TREND, 0.5, low=0.4, high=0.6, condition=condition))
        for hop, score in enumerate(scores, start=1):
            rows.append(row(SCORE, score + shift, step=hop, low=score - 0.1, high=score + 0.1, condition=condition))
            rows.append(row(RIGHT, 1 / hop, step=hop, condition=condition))
            rows += [row(OUTPUT, 0.1 * layer, layer=layer, step=hop, condition=condition) for layer in range(6)]
    return Written("hops", {("composer", 0): rows}, LAPTOP)
