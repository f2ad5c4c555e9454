from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from geomem.errors import InputError
from geomem.runs.directory import Run
from geomem.runs.exhibits import read_exhibits, read_verdicts
from geomem.runs.tables import read_measurements
from geomem.studies import STUDIES
from geomem.studies.language_model import MODEL
from geomem.studies.layer_updates.settings import LAPTOP, SMOKE
from geomem.studies.layer_updates.study import STUDY, class_cells, finding, mamba_cells, model_cells
from geomem.studies.layer_updates.work import UNTRAINED
from tests.probing import tiny
from tests.studies.layer_updates.samples import measured
from tests.studies.written import Written


def test_the_registered_study_is_this_one() -> None:
    assert STUDIES.get("layer-updates") is STUDY
    assert [one.name for one in STUDY.chosen(())] == ["model", "mamba"]


def test_a_small_run_of_everything_leaves_everything(updates_run: Run) -> None:
    verdicts = read_verdicts(updates_run.path / "verdicts.json")
    assert [one.claim for one in verdicts] == [claim.id for claim in STUDY.claims]
    assert all(one.verdict != "not-run" and one.measured is not None for one in verdicts)
    rows = read_measurements(updates_run.path / "measurements.parquet")
    assert {row.experiment for row in rows} == {one.name for one in STUDY.experiments}
    exhibits = read_exhibits(updates_run.path / "exhibits")
    assert {one.experiment for one in exhibits} == {one.name for one in STUDY.experiments}
    assert [one.hero for one in exhibits].count(True) == 1
    assert updates_run.info.finding.startswith("A map that sees only the token's own stream explains")


def test_the_first_screen_says_what_was_measured_and_nothing_else() -> None:
    said = finding({"model": measured()})
    assert "explains 66%" in said
    assert "(Spearman 0.71)" in said
    assert "does less well (0.30)" in said
    both = finding({"model": measured(), "mamba": measured("mamba", nulls={(UNTRAINED, "rho_relative"): 0.1})})
    assert both == f"{said} In a state-space model the two are 0.71 and 0.10."
    assert finding({"model": measured(), "mamba": Written("mamba", {}, LAPTOP)}) == said
    assert "no sign of learning" in finding({"model": measured(nulls={(UNTRAINED, "rho_relative"): 0.9})})
    assert finding({"model": Written("model", {}, LAPTOP)}) == finding({"mamba": measured()}) == ""


def test_a_checkpoint_takes_the_small_models_place(tmp_path: Path) -> None:
    settings = SMOKE.model_copy(update={"model": str(tiny.saved(tiny.gpt2(), tmp_path))})
    for cells in (model_cells, class_cells):
        (cell,) = cells(settings, range(3))
        spec: Any = cell.spec
        assert not cell.needs
        assert spec.settings["model"] == str(tmp_path)
    assert mamba_cells(settings, range(3)) == []
    with pytest.raises(InputError, match="nowhere"):
        model_cells(SMOKE.model_copy(update={"model": "nowhere"}), range(1))


def test_cells_are_told_what_to_fit() -> None:
    main: Any = model_cells(SMOKE, [0])[0].spec
    classes: Any = class_cells(SMOKE, [0])[0].spec
    (mamba,) = mamba_cells(SMOKE, [0])
    own: Any = mamba.spec
    assert (main.settings["kinds"], main.settings["controls"]) == (["knn_affine", "knn_other", "affine"], True)
    assert (classes.settings["kinds"], classes.settings["controls"]) == (["diag", "lowrank_4"], False)
    assert (own.settings["kinds"], own.settings["controls"]) == (["knn_affine"], True)
    assert mamba.needs[MODEL].spec.name == "small-mamba-2-layers-seed-0"
