from __future__ import annotations

from typing import Any, cast

import pytest

from geomem.runs.directory import Run
from geomem.studies.claim import judge
from geomem.studies.pitfalls_ntp.claims import CLAIMS
from geomem.studies.pitfalls_ntp.predicates import ARM, CHEAT, DECISION, EXACT, when_cheating
from geomem.studies.pitfalls_ntp.settings import LAPTOP
from tests.studies.geometric_memory.samples import Made

BY_ID = {claim.id: claim for claim in CLAIMS}
SEEDS = 3


def made(chance: float = 0.5, **changes: dict[int, float]) -> Made:
    """The failure as described: by step 200 reversed is solved, at step 300 forward cheats, and guesses."""
    courses: dict[tuple[str, str], dict[int, float]] = {
        ("forward", EXACT): {0: 0.0, 100: 0.1, 200: 0.2, 300: chance},
        ("forward", CHEAT): {0: 0.0, 100: 0.5, 200: 0.8, 300: 0.95},
        ("forward", DECISION): {0: 0.0, 100: 0.25, 200: 0.4, 300: chance},
        ("forward", ARM): {0: 0.0, 100: 0.1, 200: 0.5, 300: 0.98},
        ("reversed", EXACT): {0: 0.0, 100: 0.4, 200: 0.96},
        ("first-token", DECISION): {0: 0.0, 100: 0.52, 200: 0.49},
    }
    for name, course in changes.items():
        condition, metric = name.split("__")
        short = {"exact": EXACT, "cheat": CHEAT, "decision": DECISION, "arm": ARM}[metric]
        courses[condition.replace("_", "-"), short] = course
    return Made({key: [course] * SEEDS for key, course in courses.items()}, cast(Any, LAPTOP))


def verdict(claim: str, evidence: Made) -> str:
    return judge(BY_ID[claim], evidence)[0]


@pytest.mark.parametrize("claim", list(BY_ID))
def test_every_claim_can_be_supported(claim: str) -> None:
    assert verdict(claim, made(0.5 if claim[0] == "A" else 1 / 3)) == "supported"


@pytest.mark.parametrize(
    ("claim", "changes"),
    [
        ("A1", {"reversed__exact": {0: 0.0, 4000: 0.9, 4100: 0.99}}),
        ("A2", {"forward__exact": {0: 0.0, 200: 0.56}}),
        # It ended before: what it had then counts.
        ("A2", {"forward__exact": {0: 0.0, 100: 0.6}}),
        ("A3", {"forward__decision": {0: 0.0, 100: 0.5, 200: 0.5, 300: 0.61}}),
        ("A3", {"forward__decision": {0: 0.0, 100: 0.5, 200: 0.5, 300: 0.39}}),
        ("A4", {"forward__decision": {0: 0.0, 100: 0.5, 200: 0.5, 300: 0.7}}),
        ("A5", {"forward__arm": {0: 1.0, 100: 1.0, 200: 1.0, 300: 0.84}}),
        ("B5", {"forward__arm": {0: 1.0, 100: 1.0, 200: 1.0, 300: 0.5, 400: 1.0}}),
        ("A6", {"first_token__decision": {0: 0.0, 100: 0.5, 200: 0.61}}),
        ("A6", {"first_token__decision": {0: 0.0, 100: 0.65, 200: 0.5}}),
        ("A6", {"first_token__decision": {0: 0.0, 100: 0.5, 200: 0.39}}),
        ("B2", {"forward__exact": {0: 0.0, 200: 0.42}}),
        ("B3", {"forward__decision": {0: 0.0, 100: 0.3, 200: 0.3, 300: 0.42}}),
        ("B3", {"forward__decision": {0: 0.0, 100: 0.3, 200: 0.3, 300: 0.25}}),
    ],
)
def test_every_claim_can_be_contradicted(claim: str, changes: dict[str, dict[int, float]]) -> None:
    assert verdict(claim, made(0.5 if claim[0] == "A" else 1 / 3, **changes)) == "contradicted"


@pytest.mark.parametrize("claim", ["A3", "A4", "A5"])
def test_a_model_that_never_learned_the_cheat_says_nothing(claim: str) -> None:
    assert verdict(claim, made(forward__cheat={0: 0.0, 300: 0.89})) == "inconclusive"


def test_without_a_solved_reversed_run_there_is_nothing_to_compare() -> None:
    assert verdict("A2", made(reversed__exact={0: 0.0, 200: 0.94})) == "inconclusive"


def test_a_reversed_seed_that_diverged_leaves_the_comparison_open() -> None:
    evidence = made()
    del evidence.cells["reversed", 1]
    evidence.ended = {("reversed", 1): cast(Run, None)}  # pyright: ignore[reportAttributeAccessIssue]
    assert verdict("A2", evidence) == "inconclusive"
    assert verdict("A1", evidence) == "inconclusive"


@pytest.mark.parametrize("claim", ["A2", "A3", "A4", "A5"])
def test_a_forward_seed_that_diverged_is_a_seed(claim: str) -> None:
    """A claim never rests on the seeds that happened to survive."""
    evidence = made()
    del evidence.cells["forward", 1]
    evidence.ended = {("forward", 1): cast(Run, None)}  # pyright: ignore[reportAttributeAccessIssue]
    assert verdict(claim, evidence) == "inconclusive"


def test_a_path_accuracy_at_the_mark_is_solved_and_the_last_step_counts() -> None:
    """Among 1000 prompts 0.95 is reached to the digit: then, and not later, forward training is looked at."""
    course = {0: 0.0, 100: 0.95, 4000: 0.99}
    forward = {0: 0.0, 100: 0.5, 4000: 0.9}
    assert verdict("A1", made(reversed__exact=course)) == "supported"
    assert verdict("A2", made(reversed__exact=course, forward__exact=forward)) == "supported"
    assert verdict("A1", made(reversed__exact={0: 0.0, 4000: 0.95})) == "supported"


def test_the_first_evaluation_that_cheats_decides() -> None:
    evidence = made(forward__cheat={0: 0.1, 100: 0.9, 200: 0.99}, forward__decision={0: 0.0, 100: 0.45, 200: 0.9})
    assert when_cheating(evidence, DECISION) == dict.fromkeys(range(SEEDS), 0.45)
