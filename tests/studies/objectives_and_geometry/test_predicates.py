from __future__ import annotations

from typing import Any

import pytest

from geomem.studies.claim import combine
from geomem.studies.objectives_and_geometry import predicates
from geomem.studies.objectives_and_geometry.cells import (
    FAMILY_OBJECTIVES,
    FROZEN_OBJECTIVES,
    PATH_OBJECTIVES,
    creativity_of,
)
from geomem.studies.objectives_and_geometry.settings import LAPTOP
from tests.studies.geometric_memory.samples import Made

THREE = [0.0, 0.0, 0.0]


def made(numbers: dict[tuple[str, str], list[Any]]) -> Made:
    return Made(numbers, LAPTOP)  # type: ignore[arg-type]


def verdict(tests: list[Any]) -> str:
    return combine([one.verdict() for one in tests])


@pytest.mark.parametrize(("worst", "expected"), [(0.2, "supported"), (0.19, "contradicted")])
def test_every_objective_needs_twice_the_chance(worst: float, expected: str) -> None:
    numbers: dict[tuple[str, str], list[Any]] = {}
    for name in PATH_OBJECTIVES:
        numbers[(name, "eigen-energy/fiedler")] = [0.5] * 3
        numbers[(name, "eigen-energy/fiedler_chance")] = [0.1] * 3
    numbers[("reversed", "eigen-energy/fiedler")] = [worst] * 3
    assert verdict(predicates.maps(made(numbers))) == expected


def test_retrieval_is_compared_seed_by_seed() -> None:
    key = predicates.RETRIEVAL
    better = made({("first-token", key): [0.3, 0.5, 0.9], ("next-token", key): [0.2, 0.4, 0.8]})
    mixed = made({("first-token", key): [0.3, 0.5, 0.9], ("next-token", key): [0.2, 0.6, 0.8]})
    worse = made({("first-token", key): [0.1, 0.1, 0.1], ("next-token", key): [0.2, 0.6, 0.8]})
    found = [verdict(predicates.FIRST_BEATS_NEXT(one)) for one in (better, mixed, worse)]
    assert found == ["supported", "inconclusive", "contradicted"]


@pytest.mark.parametrize(
    ("held_out", "train", "expected"),
    [(0.04, 1.0, "supported"), (0.6, 1.0, "contradicted"), (0.04, 0.5, "inconclusive")],
)
def test_a_frozen_table_must_answer_what_it_was_told(held_out: float, train: float, expected: str) -> None:
    numbers: dict[tuple[str, str], list[Any]] = {}
    for name in FROZEN_OBJECTIVES:
        numbers[(f"frozen-{name}", predicates.FORCED)] = [held_out] * 3
        numbers[(f"frozen-{name}", "paths/train/forced_1")] = [train] * 3
    assert verdict(predicates.frozen(made(numbers))) == expected


def test_seeds_may_move_the_retrieval_by_a_tenth_either_way() -> None:
    key = predicates.RETRIEVAL
    for values, expected in (
        ([0.45, 0.55, 0.5], "supported"),
        ([0.7] * 3, "contradicted"),
        ([0.3] * 3, "contradicted"),
    ):
        own = made({("seed", key): values, ("next-token", key): [0.5] * 3})
        assert verdict(predicates.seeds_change_little(own)) == expected


@pytest.mark.parametrize(("signs", "expected"), [(1, "supported"), (-1, "contradicted")])
def test_creativity_and_separation_are_ranked_over_objectives(signs: int, expected: str) -> None:
    numbers: dict[tuple[str, str], list[Any]] = {}
    for place, name in enumerate(FAMILY_OBJECTIVES):
        numbers[(name, predicates.GAP)] = [0.1 * place] * 3
        numbers[(name, creativity_of(name))] = [0.5 + signs * 0.02 * place] * 3
    assert verdict(predicates.creative_is_geometric(made(numbers))) == expected


def test_parent_first_needs_half_as_much_again() -> None:
    first, last = (f"{name}-seed" for name in ("reversed", "next-token"))
    for value, expected in ((0.16, "supported"), (0.14, "contradicted")):
        own = made({(first, creativity_of(first)): [value] * 2, (last, creativity_of(last)): [0.1] * 2})
        assert verdict(predicates.parent_first(own)) == expected


def test_hybrid_and_one_pass() -> None:
    one, two = "hybrid-teacherless-seed", "next-token-seed"
    own = made({(one, predicates.GAP): [0.5, 0.4], (two, predicates.GAP): [0.4, 0.3]})
    assert verdict(predicates.HYBRID_APART(own)) == "supported"
    for value, expected in ((0.1, "supported"), (0.09, "contradicted")):
        assert verdict(predicates.one_pass(made({("teacherless", predicates.EXACT): [value] * 3}))) == expected
