from __future__ import annotations

import math
from typing import Any

import pytest

from geomem.studies.claim import judge
from geomem.studies.layer_skipping.claims import CLAIMS
from geomem.studies.layer_skipping.predicates import MODEL, PAIR, comparable
from geomem.studies.layer_skipping.settings import LAPTOP
from geomem.studies.layer_skipping.twin import BAG, DIFFUSION, UNIGRAM
from tests.studies.written import Written, row

GOOD = {
    "plan/neighbours": 0.0, "rule/neighbours": 0.0, "rule/missed": 0.0, "restarts/skip1_share": 0.1,
    "restarts/skip2_share": 0.9, "damage/spearman": 0.8, "decoding/cached_same": 1.0, "influence/ratio": 5.0,
}  # fmt: skip


def _evidence(untrained: float = 1.5, ratio: float = 1.05, loss: float = 4.4, **changes: Any) -> Written:
    """Evidence in which everything holds, but for the changes; those of the model are those of the masked network."""
    numbers = {**GOOD, **{name.replace("__", "/"): value for name, value in changes.items()}}
    known = {name: value for name, value in numbers.items() if value is not None}
    rows = [row(name, value) for name, value in known.items()]
    rows.append(row("influence/ratio", untrained, condition="untrained"))
    losses = {DIFFUSION: loss, BAG: 5.5, UNIGRAM: 5.9}
    pair = [row(name, value, condition=DIFFUSION) for name, value in known.items()]
    pair += [row("match/loss", value, condition=name) for name, value in losses.items()]
    pair.append(row("pair/accuracy_ratio", ratio))
    return Written(
        "model", {(name, seed): one for name, one in ((MODEL, rows), (PAIR, pair)) for seed in (0, 1)}, LAPTOP
    )


def _verdict(claim: str, **changes: Any) -> str:
    return judge(next(one for one in CLAIMS if one.id == claim), _evidence(**changes))[0]


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
        ("S6", {"restarts__skip2_share": 0.7}),
        ("S7", {"damage__spearman": 0.6}),
    ],
)
def test_every_claim_can_be_contradicted(claim: str, changes: dict[str, float]) -> None:
    assert _verdict(claim, **changes) == "contradicted"


def test_without_a_plan_of_two_there_is_nothing_to_judge() -> None:
    assert _verdict("S2", restarts__skip2_share=math.nan) == "inconclusive"
    assert _verdict("S2", restarts__skip2_share=None) == "inconclusive"


@pytest.mark.parametrize("claim", ["S6", "S7"])
@pytest.mark.parametrize("changes", [{"ratio": 1.11}, {"ratio": 0.89}, {"loss": 5.6}, {"loss": 6.0}])
def test_networks_that_do_not_match_are_not_compared(claim: str, changes: dict[str, float]) -> None:
    assert _verdict(claim, **changes) == "inconclusive"
    assert _verdict(claim, **changes, damage__spearman=-1.0) != "supported"
    assert not comparable(_evidence(**changes))


def test_networks_that_match_are_compared() -> None:
    assert comparable(_evidence())
    assert not comparable(Written("pair", {(MODEL, 0): []}))
