from __future__ import annotations

import math
from typing import Any

import pytest

from geomem.runs.directory import Run
from geomem.studies.claim import judge
from geomem.studies.evidence import Evidence
from geomem.studies.geometric_memory import predicates
from geomem.studies.geometric_memory.claims import CLAIMS
from geomem.studies.geometric_memory.predicates import EXACT, FIRST_HOP, RECOVERY
from geomem.studies.geometric_memory.settings import SMOKE
from tests.studies.geometric_memory.samples import Made

BY_ID = {claim.id: claim for claim in CLAIMS}
MARGIN = "skewed-low-rank/margin_s1"
FIEDLER, CHANCE, ZIGZAG = "eigen-energy/fiedler", "eigen-energy/fiedler_chance", "eigen-energy/zigzag"
TRAIN = "paths/train/first_hop"
LEAF = "leaf-first-hop"


def verdict(claim: str, numbers: dict[tuple[str, str], Any]) -> str:
    return judge(BY_ID[claim], Made(numbers))[0]


def beside(retrieval: float, gap: float) -> dict[tuple[str, str], Any]:
    return {
        ("trained", f"{LEAF}/chance"): [1 / 250] * 2,
        ("trained", f"{LEAF}/held_out_retrieval"): [retrieval] * 2,
        ("trained", f"{LEAF}/held_out_gap"): [gap] * 2,
    }


def node2vec(residual: float, zigzag: float, fiedler: float) -> dict[tuple[str, str], Any]:
    return {
        ("cycle-Node2Vec", name): [value, value]
        for name, value in (
            ("node2vec-stationarity/residual", residual),
            (ZIGZAG, zigzag),
            (FIEDLER, fiedler),
            (CHANCE, 0.1),
        )
    }


def directions(**changes: float) -> dict[tuple[str, str], Any]:
    values = {
        "forward-hardest": 0.0,
        "forward-reversed": 0.0,
        "backward-hardest": 0.0,
        "backward-reversed": 0.9,
        "both-hardest": 0.5,
        "both-reversed": 0.9,
        **{name.replace("_", "-"): v for name, v in changes.items()},
    }
    return {(name, EXACT if name.endswith("reversed") else FIRST_HOP): [value] * 2 for name, value in values.items()}


def zigzag(plain: float, with_self: float) -> dict[tuple[str, str], Any]:
    names = {"TinyNN": plain, "untied": plain, "TinyNN-self": with_self, "untied-self": with_self}
    return {(f"cycle-{name}", ZIGZAG): [value] * 2 for name, value in names.items()}


def knobs(**changes: float) -> dict[tuple[str, str], Any]:
    values = {
        "1-self-edges": 0.5,
        "2a-moderate-rate": 0.6,
        "2b-small-rate": 0.1,
        "3a-unit-normal": -0.2,
        "3b-large-rate": 0.5,
        "3c-weight-decay": 0.5,
        "3d-dropout": 0.5,
    }
    for short, value in changes.items():
        (name,) = [one for one in values if one.startswith(short.removeprefix("k"))]
        values[name] = value
    return {(name, MARGIN): [value] * 2 for name, value in values.items()}


def in_context(exact: float, second_hop: float) -> dict[tuple[str, str], Any]:
    numbers: dict[tuple[str, str], Any] = {}
    for arms, whole in ((2, exact), (5, 0.0)):
        numbers |= {(f"{arms}-arms", EXACT): [whole] * 2, (f"{arms}-arms", "paths/held_out/forced_2"): [second_hop] * 2}
    return numbers


def country_map(trained: float, frozen: float, known: float) -> dict[tuple[str, str], Any]:
    r2 = "map-recovery/ridge_r2"
    return {
        ("trained", r2): [trained] * 2,
        ("frozen", r2): [frozen] * 2,
        ("frozen", f"{r2}_control_high"): [0.03] * 2,
        ("frozen", RECOVERY): [known] * 2,
    }


CASES: list[tuple[str, dict[tuple[str, str], Any], str]] = [
    ("C1", {("full", EXACT): [0.5, 0.4]}, "supported"),
    ("C1", {("full", EXACT): [0.0, 0.01]}, "contradicted"),
    ("C1", {("full", EXACT): [0.5, 0.01]}, "inconclusive"),
    ("C1", {("full", EXACT): [0.5, math.nan]}, "inconclusive"),
    ("C2", in_context(0.49, 1.0), "supported"),
    ("C2", in_context(0.90, 1.0), "contradicted"),
    ("C2", in_context(0.49, 0.1), "inconclusive"),
    ("G1", country_map(0.8, 0.0, 1.0), "supported"),
    ("G1", country_map(0.3, 0.0, 1.0), "contradicted"),
    ("G1", country_map(0.8, 0.2, 1.0), "contradicted"),
    ("G1", country_map(0.8, 0.0, 0.5), "inconclusive"),
    ("C4", {("trained", FIRST_HOP): [0.3, 0.04, 0.2]}, "supported"),
    ("C4", {("trained", FIRST_HOP): [0.004, 0.0, 0.016]}, "contradicted"),
    ("C5-edges", beside(0.95, -0.8), "supported"),
    ("C5-edges", beside(0.004, -0.8), "contradicted"),
    ("C5-edges", beside(0.95, 0.1), "contradicted"),
    ("C6", {("frozen", FIRST_HOP): [0.0, 0.016], ("frozen", TRAIN): [1.0, 1.0]}, "supported"),
    ("C6", {("frozen", FIRST_HOP): [0.4, 0.5], ("frozen", TRAIN): [1.0, 1.0]}, "contradicted"),
    ("C8", {("paths-only-full", EXACT): [{0: 0.0, 10: 0.6, 20: 0.1}] * 2}, "supported"),
    ("C8", {("paths-only-full", EXACT): [{0: 0.0, 10: 0.6, 20: 0.5}] * 2}, "contradicted"),
    ("C8", {("paths-only-full", EXACT): [{0: 0.0, 10: 0.0, 20: 0.0}] * 2}, "contradicted"),
    (
        "C9",
        {("star-associative-fast", RECOVERY): [1.0] * 2, ("grid-associative-fast", RECOVERY): [0.995] * 2},
        "supported",
    ),
    (
        "C9",
        {("star-associative-fast", RECOVERY): [1.0] * 2, ("grid-associative-fast", RECOVERY): [0.9] * 2},
        "contradicted",
    ),
    (
        "C10",
        {("star-associative-fast", RECOVERY): [{1: 0.4, 2: 1.0}], ("star-TinyGPT", RECOVERY): [{2: 0.4, 100: 1.0}]},
        "supported",
    ),
    (
        "C10",
        {("star-associative-fast", RECOVERY): [{1: 0.4, 2: 1.0}], ("star-TinyGPT", RECOVERY): [{2: 0.4, 10: 1.0}]},
        "contradicted",
    ),
    ("C12", node2vec(0.001, 0.01, 0.9), "supported"),
    ("C12", node2vec(0.5, 0.01, 0.9), "contradicted"),
    ("C12", node2vec(0.001, 0.2, 0.9), "contradicted"),
    ("C13", {("star-Node2Vec", FIEDLER): [0.9] * 2, ("star-TinyGPT", FIEDLER): [0.5] * 2}, "supported"),
    ("C13", {("star-Node2Vec", FIEDLER): [0.4] * 2, ("star-TinyGPT", FIEDLER): [0.5] * 2}, "contradicted"),
    ("C14", directions(), "supported"),
    ("C14", directions(forward_hardest=0.6), "contradicted"),
    ("C14", directions(backward_reversed=0.0), "contradicted"),
    ("C17", {("leaf-split", EXACT): [0.4] * 2, ("subtree-split", EXACT): [0.1] * 2}, "supported"),
    ("C17", {("leaf-split", EXACT): [0.4] * 2, ("subtree-split", EXACT): [0.3] * 2}, "contradicted"),
    ("C18", zigzag(0.5, 0.1), "supported"),
    ("C18", zigzag(0.5, 0.4), "contradicted"),
    ("C18", zigzag(0.01, 0.001), "contradicted"),
    ("C19", knobs(), "supported"),
    ("C19", knobs(k2b=0.7), "contradicted"),
    ("C19", knobs(k3a=0.3), "contradicted"),
    ("C19", knobs(k3d=-0.1), "contradicted"),
    ("C20", {("1-self-edges", FIEDLER): [0.95, 0.91]}, "supported"),
    ("C20", {("1-self-edges", FIEDLER): [0.5, 0.6]}, "contradicted"),
]


@pytest.mark.parametrize(("claim", "numbers", "expected"), CASES, ids=[f"{one}-{word}" for one, _, word in CASES])
def test_made_up_numbers_get_the_verdict_they_deserve(
    claim: str, numbers: dict[tuple[str, str], Any], expected: str
) -> None:
    assert verdict(claim, numbers) == expected


def test_a_frozen_table_that_stored_nothing_says_nothing_about_paths() -> None:
    assert verdict("C6", {("frozen", FIRST_HOP): [0.0, 0.0], ("frozen", TRAIN): [0.1, 0.2]}) == "inconclusive"


@pytest.mark.parametrize(("last", "second", "expected"), [(10, 11, "supported"), (10, 100, "contradicted")])
def test_a_cascade_from_the_leaf_is_told_from_tokens_learned_together(last: int, second: int, expected: str) -> None:
    """Paths of 5 nodes: hops 4 (the leaf), 3, 2 and 1, the first."""
    times = {4: last, 3: (last + second) // 2, 2: second, 1: 120}
    courses = {("full", f"paths/held_out/forced_{k}"): [{0: 0.0, time: 1.0, 200: 1.0}] for k, time in times.items()}
    assert verdict("C3", courses) == expected


def test_missing_evidence_is_inconclusive_and_named() -> None:
    found, tests, note = judge(BY_ID["C6"], Made({("trained", FIRST_HOP): [0.5]}))
    assert (found, tests) == ("inconclusive", [])
    assert "frozen" in note


@pytest.mark.parametrize("claim", CLAIMS, ids=[claim.id for claim in CLAIMS])
def test_every_claim_finds_its_evidence_in_a_real_run(claim: Any, smoke_run: Run) -> None:
    """At smoke scale nothing need hold, but every condition and metric that a predicate names must be there."""
    evidence = Evidence(smoke_run.path / "cells" / claim.experiment, SMOKE)
    tests = claim.judge(evidence)
    assert tests
    assert all(test.values for test in tests)
    assert all(test.bound.quantity for test in tests)


def test_predicates_are_all_used() -> None:
    import inspect

    named = {
        name
        for name, _ in inspect.getmembers(predicates, inspect.isfunction)
        if name[0] in "ck" and name[1:].split("_")[0].isdigit()
    }
    used = {claim.judge.__qualname__.split(".")[0] for claim in CLAIMS}
    assert named <= used
