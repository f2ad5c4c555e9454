from __future__ import annotations

import pytest

from geomem.runs.directory import Run
from geomem.runs.exhibits import read_exhibits
from geomem.studies.claim import judge
from geomem.studies.evidence import Evidence
from geomem.studies.implicit_geometry_ntp.predicates import TEXT
from geomem.studies.implicit_geometry_ntp.study import STUDY, finding
from geomem.studies.implicit_geometry_ntp.symmetric import FREQUENCIES
from tests.studies.written import Written, row


def test_the_smoke_run_judges_every_claim(ntp_run: Run, ntp_evidence: dict[str, Evidence]) -> None:
    verdicts = {claim.id: judge(claim, ntp_evidence[claim.experiment])[0] for claim in STUDY.claims}
    assert "not run" not in verdicts.values()
    # Laws that hold at any size; N1's gap needs all 1e5 steps, N11 a training of more than 100 steps.
    assert {verdicts[name] for name in ("N2", "N3", "N4", "N5", "N6", "N7", "N9")} == {"supported"}
    assert verdicts["N1"] == verdicts["N11"] == "contradicted"
    assert ntp_run.info.finding == finding(ntp_evidence)
    ids = {one.id for one in read_exhibits(ntp_run.path / "exhibits")}
    assert {"symmetric-logits", "text-spectra", "collapse-cosines", "transformer-gram-words", "fixed-finite"} <= ids


def test_the_finding_is_computed_from_what_was_measured() -> None:
    symmetric = Written("symmetric", {(FREQUENCIES, 0): [row("descent/cosine_rest", 0.9, step=5)]})
    text = Written("text", {(TEXT, 0): [row("path/cosine_directional", 0.5, layer=4), row("problem/contexts", 33)]})
    said = finding({"symmetric": symmetric, "text": text})
    assert "cosine of 0.9000 with a matrix made from 0/1 supports" in said
    assert "On 33 contexts of a real text the growing part has a cosine of 0.500" in said
    assert finding({"symmetric": Written("symmetric", {})}) == ""


@pytest.mark.parametrize("name", ["symmetric", "text"])
def test_cells_are_told_their_condition(name: str) -> None:
    cells = STUDY.experiment(name).cells(STUDY.scales["laptop"], range(3))
    assert {cell.spec.settings["condition"] for cell in cells} == {cell.condition for cell in cells}  # type: ignore[union-attr]
    assert len(cells) == (9 if name == "symmetric" else 3)
