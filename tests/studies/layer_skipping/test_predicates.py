from __future__ import annotations

import math
from typing import Any

import pytest

from geomem.studies.claim import judge
from geomem.studies.layer_skipping.claims import CLAIMS
from geomem.studies.layer_skipping.predicates import MODEL
from geomem.studies.layer_skipping.settings import LAPTOP
from tests.studies.written import Written, row

GOOD = {
    "plan/neighbours": 0.0, "rule/neighbours": 0.0, "rule/missed": 0.0, "restarts/skip1_share": 0.1,
    "restarts/skip2_share": 0.9, "damage/spearman": 0.8, "decoding/cached_same": 1.0, "influence/ratio": 5.0,
}  # fmt: skip


def _verdict(claim: str, untrained: float = 1.5, **changes: Any) -> str:
    numbers = {**GOOD, **{name.replace("__", "/"): value for name, value in changes.items()}}
    rows = [row(name, value) for name, value in numbers.items() if value is not None]
    rows.append(row("influence/ratio", untrained, condition="untrained"))
    evidence = Written("model", {(MODEL, seed): rows for seed in (0, 1)}, LAPTOP)
    return judge(next(one for one in CLAIMS if one.id == claim), evidence)[0]


@pytest.mark.parametrize("claim", [one.id for one in CLAIMS])
def test_every_claim_can_be_supported(claim: str) -> None:
    assert _verdict(claim) == "supported"


@pytest.mark.parametrize(
    ("claim", "changes"),
    [
        ("S1", {"plan__neighbours": 1.0}),
        ("S1", {"rule__missed": 1.0}),
        ("S2", {"restarts__skip2_share": 0.7}),
        ("S3", {"damage__spearman": 0.6}),
        ("S4", {"decoding__cached_same": 0.99}),
        ("S5", {"influence__ratio": 0.9}),
        ("S5", {"untrained": 6.0}),
    ],
)
def test_every_claim_can_be_contradicted(claim: str, changes: dict[str, float]) -> None:
    assert _verdict(claim, **changes) == "contradicted"


def test_without_a_plan_of_two_there_is_nothing_to_judge() -> None:
    assert _verdict("S2", restarts__skip2_share=math.nan) == "inconclusive"
    assert _verdict("S2", restarts__skip2_share=None) == "inconclusive"
