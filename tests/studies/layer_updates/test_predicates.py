from __future__ import annotations

from typing import Any

import pytest

from geomem.studies.claim import judge
from geomem.studies.layer_updates.claims import CLAIMS
from geomem.studies.layer_updates.predicates import CHANCE, MAMBA, PERMUTED, ROTATED
from geomem.studies.layer_updates.settings import LAPTOP
from geomem.studies.layer_updates.work import UNTRAINED
from tests.studies.layer_updates.samples import PILOT, measured
from tests.studies.written import Written

BY_ID = {claim.id: claim for claim in CLAIMS}


def verdict(claim: str, **changes: Any) -> str:
    return judge(BY_ID[claim], measured(**changes))[0]


def moved(name: str, by: float, layer: int = 4) -> dict[str, tuple[float, ...]]:
    return {name: tuple(value + by * (place == layer) for place, value in enumerate(PILOT[name]))}


def test_the_cards_pilot_supports_what_it_supports() -> None:
    for claim in CLAIMS:
        assert verdict(claim.id, condition=claim.experiment) == "supported", claim.id


@pytest.mark.parametrize(
    ("claim", "changes", "expected"),
    [
        ("U1", {"align_r": tuple(value - 0.14 for value in PILOT["align_t"])}, "contradicted"),
        ("U1", moved("align_t", -0.08), "supported"),
        ("U1", moved("align_t", -0.10), "contradicted"),
        ("U1", {"nulls": {(PERMUTED, "align_t"): 0.95, (PERMUTED, "align_r"): 0.6}}, "inconclusive"),
        ("U2", moved("pi_r", 0.06), "contradicted"),
        ("U2", {"nulls": {(PERMUTED, "pi_r"): 0.5}}, "inconclusive"),
        ("U2", {"nulls": {(ROTATED, "pi_r"): 0.2}}, "inconclusive"),
        ("U2", {"nulls": {(CHANCE, "pi_r"): 0.1}}, "inconclusive"),
        ("U3", moved("rho_relative", -0.13), "supported"),
        ("U3", moved("rho_relative", -0.15), "contradicted"),
        ("U3", {"rho_relative": (0.5,) * 6}, "contradicted"),
        ("U3", {"rho_relative": (0.56,) * 6}, "supported"),
        ("U3", {"nulls": {(PERMUTED, "rho_relative"): 0.75}}, "contradicted"),
        ("U3", {"nulls": {(PERMUTED, "rho_relative"): 0.6}}, "supported"),
        ("U4", moved("rho_absolute", -0.17), "contradicted"),
        ("U4", {"nulls": {(PERMUTED, "rho_absolute"): 0.81}}, "contradicted"),
        ("U5", {"nulls": {(UNTRAINED, "rho_relative"): 0.9}}, "contradicted"),
        ("U5", {"nulls": {(UNTRAINED, "rho_absolute"): 0.9}}, "contradicted"),
    ],
)  # fmt: skip
def test_claims_fail_where_the_card_says(claim: str, changes: dict[str, Any], expected: str) -> None:
    assert verdict(claim, **changes) == expected


@pytest.mark.parametrize(
    ("claim", "changes"),
    [
        ("U1-mamba", moved("align_t", -0.2)),
        ("U2-mamba", moved("pi_r", 0.1)),
        ("U3-mamba", moved("rho_relative", -0.3)),
        ("U4-mamba", moved("rho_absolute", -0.3)),
        ("U5-mamba", {"nulls": {(UNTRAINED, "rho_relative"): 0.9}}),
    ],
)
def test_the_state_space_model_is_judged_by_its_own_numbers(claim: str, changes: dict[str, Any]) -> None:
    assert verdict(claim, condition=MAMBA, **changes) == "contradicted"
    found, _, note = judge(BY_ID[claim], measured(**changes))
    assert (found, "no finished run of condition 'mamba'" in note) == ("inconclusive", True)


def test_a_users_model_has_no_state_space_model_beside_it() -> None:
    nothing = Written(MAMBA, {}, LAPTOP.model_copy(update={"model": "somewhere"}))
    found, tests, note = judge(BY_ID["U3-mamba"], nothing)
    assert (found, tests) == ("inconclusive", [])
    assert "--set model" in note
    assert "no finished run" in judge(BY_ID["U3-mamba"], Written(MAMBA, {}, LAPTOP))[2]
