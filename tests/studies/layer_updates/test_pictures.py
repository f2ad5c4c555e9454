from __future__ import annotations

from pathlib import Path

import pytest

from geomem.runs.exhibits import Curves, Profiles, Table
from geomem.studies.evidence import Evidence
from geomem.studies.layer_updates import pictures
from geomem.studies.layer_updates.predicates import MAMBA
from tests.contract.checks import check_exhibits
from tests.studies.layer_updates.samples import PILOT, measured
from tests.studies.written import Written


def test_the_depth_profile_shows_model_and_null_controls() -> None:
    (depth, *_) = pictures._depth(measured(), "model", "a model", hero=True)
    assert isinstance(depth, Profiles)
    assert depth.hero
    alignment, _, energy, relative, *_ = depth.panels
    assert {line.name: line.y for line in alignment.series} == {
        "tokenwise part": PILOT["align_t"],
        "residual": PILOT["align_r"],
    }
    assert [line.name for line in energy.series] == ["update", "residual", "residual turned at random"]
    assert energy.references[0].value == pytest.approx(1 / 6, abs=1e-5)
    assert {line.name: line.dashed for line in relative.series} == {
        "tokenwise map": False, "permuted bank": True, "untrained network": True,
    }  # fmt: skip


def test_a_run_leaves_every_picture(updates_evidence: dict[str, Evidence], tmp_path: Path) -> None:
    shown = [
        *pictures.model(updates_evidence["model"]),
        *pictures.mamba(updates_evidence[MAMBA]),
        *pictures.classes(updates_evidence["classes"]),
    ]
    check_exhibits(shown, tmp_path)
    assert {one.id for one in shown} == {
        "layer-updates-depth-model", "layer-updates-tenths-model", "layer-updates-ids", "layer-updates-table-model",
        "layer-updates-depth-mamba", "layer-updates-tenths-mamba", "layer-updates-table-mamba", "layer-updates-classes",
    }  # fmt: skip
    by_id = {one.id: one for one in shown}
    tenths, table, classes = (by_id[f"layer-updates-{name}"] for name in ("tenths-model", "table-model", "classes"))
    assert isinstance(tenths, Curves)
    assert [line.name for line in tenths.series] == ["block 0", "block 1"]
    assert isinstance(table, Table)
    assert [line[0] for line in table.rows] == [0, 1]
    assert isinstance(classes, Profiles)
    assert [line.name for line in classes.panels[0].series] == ["diagonal", "lowrank_4"]


def test_nothing_measured_draws_nothing() -> None:
    for draw in (pictures.model, pictures.mamba, pictures.classes):
        assert list(draw(Written("none", {}, measured().settings))) == []
