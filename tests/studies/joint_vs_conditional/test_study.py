from __future__ import annotations

import json
from pathlib import Path

import pytest

from geomem.errors import InputError
from geomem.runs.directory import Run
from geomem.runs.exhibits import Table, read_exhibits
from geomem.spec import validate
from geomem.studies.claim import judge
from geomem.studies.evidence import Evidence
from geomem.studies.joint_vs_conditional.pictures import arithmetic
from geomem.studies.joint_vs_conditional.predicates import ARITHMETIC, FEATURES, SEQUENCES, SPARSE_SOURCE
from geomem.studies.joint_vs_conditional.settings import LAPTOP, SMOKE, Features, Settings
from geomem.studies.joint_vs_conditional.study import STUDY, arithmetic_cells, finding
from tests.studies.written import Written, row


def test_the_smoke_run_judges_every_claim(joint_run: Run, joint_evidence: dict[str, Evidence]) -> None:
    verdicts = {claim.id: judge(claim, joint_evidence[claim.experiment])[0] for claim in STUDY.claims}
    assert verdicts["J5"] == verdicts["J6"] == "supported"  # exact, whatever was learned
    assert verdicts["J1"] == verdicts["J4"] == "inconclusive"  # too few steps: the gap is not closed
    assert joint_run.info.finding == finding(joint_evidence)
    ids = {one.id for one in read_exhibits(joint_run.path / "exhibits")}
    names = ("levels", "courses", "ridges", "anomalies", "pair-levels", "sequence-courses", "numbers", "arithmetic")
    assert {f"joint-{name}" for name in names} <= ids


def test_sequences_are_followed_over_training(joint_evidence: dict[str, Evidence]) -> None:
    own = joint_evidence[SEQUENCES]
    steps, excess = own.series(SPARSE_SOURCE, 0, "markov/held_out/excess")
    assert steps[0] == 0
    assert steps[-1] == SMOKE.sequences.steps
    assert excess[-1] < excess[0]
    for name in ("prefix", "pair"):
        assert len(own.series(SPARSE_SOURCE, 0, f"{name}/centred/correlation")[0]) == len(steps)
    assert own.measured(SPARSE_SOURCE, "gauge/raw_moved")[0] > 0.1


def test_the_first_spread_decides_the_gauge(joint_evidence: dict[str, Evidence]) -> None:
    own = joint_evidence[FEATURES]
    raw, centred = (own.measured(FEATURES, f"descent/{name}")[0] for name in ("raw_correlation", "correlation"))
    assert raw == pytest.approx(centred, abs=0.1)  # small first vectors: nearly centred


def test_without_a_model_sums_are_left_out_in_one_line(tiny_model: Path) -> None:
    assert arithmetic_cells(LAPTOP, range(3)) == []
    (table,) = arithmetic(Written(ARITHMETIC, {}, LAPTOP))
    assert isinstance(table, Table)
    assert "--set model=PATH" in str(table.rows[0][0])
    (cell,) = arithmetic_cells(LAPTOP.model_copy(update={"model": str(tiny_model)}), range(3))
    assert cell.condition == ARITHMETIC
    with pytest.raises(InputError):
        arithmetic_cells(LAPTOP.model_copy(update={"model": "/nowhere/at/all"}), range(1))


def test_the_finding_is_computed_from_what_was_measured() -> None:
    features = Written(FEATURES, {(FEATURES, 0): [row("descent/slope", 1.08), row("dense/slope", 0.003)]}, Settings())
    numbers = {"pair/centred/correlation": 0.5, "prefix/centred/correlation": 0.2, "anomaly/spill_centred": 0.9,
               "anomaly/spill_raw_shifted": 0.7, "anomaly/surprise": 0.95}  # fmt: skip
    rows = [row(name, value) for name, value in numbers.items()]
    said = finding({FEATURES: features, SEQUENCES: Written(SEQUENCES, {(SPARSE_SOURCE, 0): rows}, Settings())})
    assert "at a slope of 1.08; where every token may follow, at 0.003." in said
    assert "AUROC of 0.9 by the centred spill, 0.7 by the raw one after a change of gauge, 0.95 by -log p." in said
    scores = [row("off_1_to_10/spill_centred/mean", 0.58), row("off_1_to_10/surprise/mean", 0.6)]
    said = finding({ARITHMETIC: Written(ARITHMETIC, {(ARITHMETIC, 0): scores}, Settings())})
    assert said.startswith("Sums that are off by 1 to 10 are told from right ones with an AUROC of 0.58 by the")
    assert finding({}) == ""


def test_settings_go_to_json_and_mistakes_are_one_line() -> None:
    for scale in STUDY.scales.values():
        assert validate(Settings, json.loads(scale.model_dump_json())) == scale
    for wrong in ({"support": 12}, {"ridges": [1e-5, 1e-3]}, {"least": 0.2}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            validate(Features, wrong)
