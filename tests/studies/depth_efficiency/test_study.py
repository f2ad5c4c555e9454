from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from geomem.errors import InputError
from geomem.runs.directory import Run
from geomem.runs.exhibits import read_exhibits, read_verdicts
from geomem.runs.tables import read_measurements
from geomem.studies import STUDIES
from geomem.studies.depth_efficiency.settings import LAPTOP, SMOKE
from geomem.studies.depth_efficiency.study import STUDY, finding, hop_cells, map_cells, model_cells, rate_cells
from geomem.studies.language_model import SIBLING
from tests.probing import tiny
from tests.studies.depth_efficiency import samples
from tests.studies.written import Written


def test_the_registered_study_is_this_one() -> None:
    assert STUDIES.get("depth-efficiency") is STUDY
    assert [one.name for one in STUDY.chosen(())] == ["battery", "skips", "erasure", "maps"]


def test_a_small_run_of_everything_leaves_everything(depth_run: Run) -> None:
    verdicts = read_verdicts(depth_run.path / "verdicts.json")
    assert [one.claim for one in verdicts] == [claim.id for claim in STUDY.claims]
    assert all(one.verdict != "not-run" and one.measured is not None for one in verdicts)
    rows = read_measurements(depth_run.path / "measurements.parquet")
    assert {row.experiment for row in rows} == {one.name for one in STUDY.experiments}
    exhibits = read_exhibits(depth_run.path / "exhibits")
    assert {one.experiment for one in exhibits} == {one.name for one in STUDY.experiments}
    assert depth_run.info.finding.startswith("Blocks of the second half write")


def test_the_first_screen_says_what_was_measured_and_nothing_else() -> None:
    said = finding({"battery": samples.battery(), "skips": samples.skips()})
    assert "write 0.29 times" in said
    assert "0.77 nats off" in said
    assert "0.32 times as much" in said
    assert said.count(". ") == 1
    assert said.endswith(".")
    assert "nats" not in finding({"skips": samples.skips()})
    empty = Written("battery", {}, LAPTOP)
    assert finding({"battery": empty}) == finding({"battery": empty, "skips": empty}) == finding({}) == ""


def test_a_checkpoint_takes_the_small_models_place(tmp_path: Path) -> None:
    folder = str(tiny.saved(tiny.gpt2(), tmp_path))
    own = SMOKE.model_copy(update={"model": folder})
    for function in ("measure_battery", "measure_skip_effects", "measure_erasures"):
        (cell,) = model_cells(function, 1)(own, range(3))
        spec: Any = cell.spec
        assert not cell.needs
        assert spec.settings["model"] == folder
    assert map_cells(own, range(3)) == rate_cells(own, range(3)) == []
    (mapped,) = map_cells(own.model_copy(update={"source": folder}), range(3))
    spec = mapped.spec
    assert (spec.settings["model"], spec.settings["source"]) == (folder, folder)
    with pytest.raises(InputError, match="nowhere"):
        map_cells(own.model_copy(update={"source": "nowhere"}), range(1))


def test_maps_need_the_sibling_and_rates_another_training() -> None:
    (cell,) = map_cells(SMOKE, [0])
    assert SIBLING in cell.needs
    (rate,) = rate_cells(SMOKE, [0])
    assert rate.condition == "lr-0.001"
    assert [one.spec.stages[0].optimizer.lr for one in rate.needs.values()] == [1e-3]


def test_the_contrast_needs_no_language_model() -> None:
    cells = hop_cells(LAPTOP, range(3))
    assert [cell.seed for cell in cells] == [0, 1, 2]
    assert not any(cell.needs for cell in cells)
    assert 30 < cells[0].cost < 300
