from __future__ import annotations

from typing import Any

import pytest

from geomem.studies.claim import judge
from geomem.studies.softmax_bottleneck.claims import CLAIMS
from geomem.studies.softmax_bottleneck.predicates import FLOOR, MIXTURES, MODEL, SAMPLING
from geomem.studies.softmax_bottleneck.settings import LAPTOP
from tests.studies.written import Written, row

GOOD = {
    **{f"rank_{r}/centred": float(r) for r in (4, 8)}, **{f"rank_{r}/plain": r + 1.0 for r in (4, 8)},
    "rank_4/kl_3": 0.09, "rank_8/kl_7": 0.02, "rank_4/random_kl_4": 1e-14, "rank_8/random_kl_8": 1e-11,
    "width_2/error": 1.4, "width_3/error": 0.8, "width_6/error": 1e-14,
    "softmax/kl": 0.7, "contexts/kl": 0.699, "softmaxes/kl": 0.14, "softmaxes/rank": 63.0, "contexts/rank": 4.0,
    "model/rank": 96.0, "model/most": 96.0, "model/plain_rank": 97.0, "model/plain_most": 97.0,
    "model/layer_error": 1e-7,
}  # fmt: skip


def _verdict(claim: str, changes: dict[str, Any]) -> str:
    rows = [row(name, value) for name, value in {**GOOD, **changes}.items()]
    cells = {(name, seed): rows for name in (FLOOR, SAMPLING, MIXTURES, MODEL) for seed in (0, 1)}
    return judge(next(one for one in CLAIMS if one.id == claim), Written("x", cells, LAPTOP))[0]


@pytest.mark.parametrize("claim", [one.id for one in CLAIMS])
def test_every_claim_can_be_supported(claim: str) -> None:
    assert _verdict(claim, {}) == "supported"


@pytest.mark.parametrize(
    ("claim", "changes"),
    [
        ("B1", {"rank_4/centred": 5.0}),
        ("B1", {"rank_8/plain": 8.0}),
        ("B2", {"rank_8/random_kl_8": 1e-7}),
        ("B3", {"rank_4/kl_3": 5e-4}),
        ("B4", {"width_6/error": 1e-5}),
        ("B4", {"width_3/error": 0.0}),
        ("B5", {"softmaxes/kl": 0.4}),
        ("B5", {"softmaxes/rank": 8.0}),
        ("B6", {"contexts/rank": 5.0}),
        ("B6", {"contexts/kl": 0.6}),
        ("B6", {"contexts/kl": 0.8}),
        ("B7", {"model/rank": 95.0}),
        ("B7", {"model/plain_rank": 98.0}),
    ],
)
def test_every_claim_can_be_contradicted(claim: str, changes: dict[str, float]) -> None:
    assert _verdict(claim, changes) == "contradicted"


def test_an_output_layer_that_does_more_is_not_judged() -> None:
    assert _verdict("B7", {"model/layer_error": 0.1}) == "inconclusive"
