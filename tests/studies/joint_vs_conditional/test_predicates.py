from __future__ import annotations

import pytest

from geomem.errors import RunError
from geomem.runs.tables import Measurement
from geomem.studies.claim import judge
from geomem.studies.joint_vs_conditional.claims import CLAIMS
from geomem.studies.joint_vs_conditional.features import ridge_name
from geomem.studies.joint_vs_conditional.predicates import DENSE_SOURCE, FEATURES, SPARSE_SOURCE, after
from geomem.studies.joint_vs_conditional.settings import LAPTOP
from tests.studies.written import Written, row

COURSES = {
    "descent/gap": (1.4, 3e-2, 5e-3, 1e-5), "descent/correlation": (0.3, 0.8, 0.95, 0.99),
    "descent/slope": (0.0, 0.6, 1.1, 1.05), "dense/gap": (0.2, 1e-2, 1e-4, 1e-6),
    "dense/slope": (0.0, 0.08, -0.05, 0.01),
}  # fmt: skip
NUMBERS = {
    "gauge/centred_moved": 1e-14, "gauge/centred_auroc_change": 0.0, "gauge/raw_auroc_change": 0.1,
    "identity_error": 1e-14,
    **{f"{ridge_name(ridge)}/slope": 0.5 + 0.1 * place for place, ridge in enumerate(LAPTOP.features.ridges)},
}  # fmt: skip


def _evidence(changes: dict[str, object]) -> Written:
    rows: list[Measurement] = []
    for name, values in {**COURSES, **{k: v for k, v in changes.items() if isinstance(v, tuple)}}.items():
        rows += [row(name, value, step=10**place) for place, value in enumerate(values)]
    plain = {**NUMBERS, **{k: v for k, v in changes.items() if isinstance(v, float)}}
    rows += [row(name, value, step=5) for name, value in plain.items()]
    cells = {(name, seed): rows for name in (FEATURES, SPARSE_SOURCE, DENSE_SOURCE) for seed in (0, 1)}
    return Written("x", cells, LAPTOP)


def _verdict(claim: str, changes: dict[str, object]) -> str:
    return judge(next(one for one in CLAIMS if one.id == claim), _evidence(changes))[0]


@pytest.mark.parametrize("claim", [one.id for one in CLAIMS])
def test_every_claim_can_be_supported(claim: str) -> None:
    assert _verdict(claim, {}) == "supported"


@pytest.mark.parametrize(
    ("claim", "changes"),
    [
        ("J1", {"descent/correlation": (0.3, 0.8, 0.89, 0.99)}),
        ("J1", {"descent/slope": (0.0, 0.6, 1.25, 1.05)}),
        ("J1", {"descent/slope": (0.0, 0.6, 0.65, 1.05)}),
        ("J2", {f"{ridge_name(1e-5)}/slope": 0.55}),
        ("J3", {"dense/slope": (0.0, -0.25, 0.05, 0.01)}),
        ("J4", {"dense/slope": (0.0, 0.15, 0.05, 0.01)}),
        ("J4", {"dense/slope": (0.0, 0.05, 0.05, -0.03)}),
        ("J5", {"gauge/centred_moved": 1e-5}),
        ("J5", {"gauge/centred_auroc_change": 1e-3}),
        ("J5", {"gauge/raw_auroc_change": 1e-4}),
        ("J6", {"identity_error": 1e-10}),
    ],
)
def test_every_claim_can_be_contradicted(claim: str, changes: dict[str, object]) -> None:
    assert _verdict(claim, changes) == "contradicted"


@pytest.mark.parametrize(("claim", "run"), [("J1", "descent"), ("J4", "dense")])
def test_a_gap_that_does_not_close_decides_nothing(claim: str, run: str) -> None:
    assert _verdict(claim, {f"{run}/gap": (1.0, 0.5, 0.4, 0.3)}) == "inconclusive"


def test_only_steps_after_the_gap_has_closed_for_good_count() -> None:
    evidence = _evidence({"descent/gap": (1.0, 5e-3, 2e-2, 1e-3)})
    assert after(evidence, "descent", "slope", 1e-2) == {0: [1.05], 1: [1.05]}
    with pytest.raises(RunError, match="never stays below"):
        after(evidence, "descent", "slope", 1e-9)
