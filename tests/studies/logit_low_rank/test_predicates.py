"""Every claim can be supported and contradicted."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from geomem.runs.tables import Measurement
from geomem.studies.claim import judge
from geomem.studies.logit_low_rank.predicates import HMM, ISAN, MODEL
from geomem.studies.logit_low_rank.settings import Reading, Settings
from geomem.studies.logit_low_rank.study import STUDY, finding
from tests.studies.written import Written, row

CLAIMS = {claim.id: claim for claim in STUDY.claims}


def verdict(claim: str, condition: str, *seeds: Sequence[Measurement]) -> str:
    cells = {(condition, seed): list(rows) for seed, rows in enumerate(seeds)}
    return judge(CLAIMS[claim], Written(CLAIMS[claim].experiment, cells, Settings()))[0]


def exact(following: float, last: float = 0.1, residual: float = 1e-12) -> list[Measurement]:
    return [row("rank/next", following), row("rank/last", last), row("lingen/residual", residual)]


def pair(own: float, single: float, condition: str = "") -> list[Measurement]:
    return [row("lingen/lingen_later", own, condition=condition),
            row("lingen/single-token_later", single, condition=condition)]  # fmt: skip


def cosines(other: float, nonsense: float, shuffled: float) -> list[Measurement]:
    named = {"other text": other, "nonsense": nonsense, "shuffled": shuffled}
    return [row("transfer/cosine", value, condition=name) for name, value in named.items()]


def divergences(*values: float) -> list[Measurement]:
    return [row(f"kl/rank_{rank}", value) for rank, value in zip((5, 20, 50, 100), values, strict=True)]


@pytest.mark.parametrize(
    ("claim", "condition", "good", "bad"),
    [
        ("L1", MODEL, [row("spectrum/alpha", 0.7)], [row("spectrum/alpha", 0.4)]),
        ("L1", MODEL, [row("spectrum/alpha", 1.1)], [row("spectrum/alpha", 1.3)]),
        ("L2", MODEL, divergences(0.4, 0.2, 0.1, 0.01), divergences(0.4, 0.2, 0.25, 0.01)),
        ("L3", MODEL, pair(0.5, 1.0), pair(0.7, 1.0)),
        ("L4", MODEL, pair(0.5, 1.0, "nonsense"), pair(0.7, 1.0, "nonsense")),
        ("L5", MODEL, cosines(0.9, 0.7, 0.3), cosines(0.9, 0.5, 0.3)),
        ("L6", MODEL, [row("bound/ratio", 0.2)], [row("bound/ratio", 0.3)]),
        ("G1", ISAN, exact(1e-15), exact(1e-3)),
        ("G1", ISAN, exact(1e-15), exact(1e-15, last=1e-12)),
        ("G1", ISAN, exact(1e-15), exact(1e-15, residual=0.1)),
        ("G2", ISAN, [row("lingen/lingen", 1e-12), row("lingen/single-token", 5.0)],
         [row("lingen/lingen", 1e-3), row("lingen/single-token", 5.0)]),
        ("G2", ISAN, [row("lingen/lingen", 1e-12), row("lingen/single-token", 5.0)],
         [row("lingen/lingen", 1e-12), row("lingen/single-token", 0.1)]),
        ("G3", HMM, [row("kl/rank_2", 1e-4)], [row("kl/rank_2", 1e-2)]),
    ],
)  # fmt: skip
def test_good_numbers_support_and_bad_ones_contradict(
    claim: str, condition: str, good: list[Measurement], bad: list[Measurement]
) -> None:
    assert verdict(claim, condition, good, good) == "supported"
    assert verdict(claim, condition, bad, bad) == "contradicted"
    assert verdict(claim, condition, good, bad) == "inconclusive"


def test_nothing_follows_where_even_text_shares_nothing() -> None:
    assert verdict("L5", MODEL, cosines(0.35, 0.34, 0.3)) == "inconclusive"


def test_every_claim_was_tried() -> None:
    assert set(CLAIMS) == {"L1", "L2", "L3", "L4", "L5", "L6", "G1", "G2", "G3"}


@pytest.mark.parametrize(("own", "said"), [(0.5, "comes nearer to"), (8.3, "comes no nearer to")])
def test_the_finding_says_which_way_it_went(own: float, said: str) -> None:
    cells = {(MODEL, 0): [*pair(own, 4.7), row("spectrum/alpha", 0.7)]}
    told = finding({"language-model": Written("language-model", cells, Settings())})
    assert said in told
    assert "4.7 when" in told
    assert "−0.7" in told


def test_the_window_is_named_as_far_as_there_are_ranks() -> None:
    for histories, last in ((300, 150), (120, 120)):
        settings = Settings(reading=Reading(histories=histories))
        written = Written("language-model", {(MODEL, 0): [row("spectrum/alpha", 0.7)]}, settings)
        assert f"ranks 5 to {last}" in judge(CLAIMS["L1"], written)[1][0].bound.quantity


def test_a_smaller_matrix_has_fewer_ranks_to_compare_and_rounding_need_not_fall() -> None:
    settings = Settings(reading=Reading(histories=60))
    for third, expected in ((0.01, "supported"), (0.3, "contradicted")):
        rows = [row(f"kl/rank_{rank}", value) for rank, value in zip((5, 20, 50), (0.4, 0.2, third), strict=True)]
        assert judge(CLAIMS["L2"], Written("language-model", {(MODEL, 0): rows}, settings))[0] == expected
    assert verdict("L2", MODEL, divergences(0.4, 1e-16, 0.0, 1e-17)) == "supported"
