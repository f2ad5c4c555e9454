from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from geomem.errors import RunError
from geomem.runs.directory import Run
from geomem.runs.tables import History, read_measurements
from geomem.studies.claim import Bound, Test
from geomem.studies.evidence import Evidence


@pytest.fixture
def learned(toy_run: Run) -> Evidence:
    return Evidence(toy_run.path / "cells" / "learn", None)


def test_cells_are_found_by_condition_and_seed(learned: Evidence) -> None:
    assert sorted(learned.cells) == [("narrow", 0), ("narrow", 1), ("wide", 0), ("wide", 1)]
    assert learned.conditions == ["narrow", "wide"]
    assert learned.seeds("wide") == [0, 1]
    with pytest.raises(RunError, match="no finished run of condition 'huge' in learn"):
        learned.seeds("huge")


def test_numbers_are_the_cells_own(learned: Evidence) -> None:
    found = learned.measured("narrow", "cosine-level/level")
    assert set(found) == {0, 1}
    for seed, value in found.items():
        history = History.read(learned.cells[("narrow", seed)] / "history.parquet")
        assert value == history.last("cosine-level/level")
        steps, values = learned.series("narrow", seed, "edges/loss")
        assert (steps, values) == history.series("edges/loss")
        assert steps == [0, 3, 6]
        assert learned.best("narrow", "edges/loss")[seed] == max(values)
    with pytest.raises(RunError, match="'nothing' was not measured in condition 'narrow' of learn"):
        learned.measured("narrow", "nothing")
    with pytest.raises(RunError, match="'nothing' was not measured"):
        learned.series("narrow", 0, "nothing")


def test_arrays_are_what_the_cell_kept(learned: Evidence) -> None:
    table = learned.arrays("wide", 1)["table"]
    weights = load_file(learned.cells[("wide", 1)] / "checkpoint" / "model.safetensors")
    assert (table == weights["embed_tokens.weight"]).all()
    assert table.shape[1] == 16
    assert learned.measured("wide", "norm")[1] == pytest.approx(
        float((table.astype(float) ** 2).sum() ** 0.5), rel=1e-5
    )


def test_rows_carry_their_place(learned: Evidence) -> None:
    rows = learned.rows("toy")
    assert {(row.study, row.experiment) for row in rows} == {("toy", "learn")}
    assert {(row.condition, row.seed) for row in rows} == set(learned.cells)
    own = read_measurements(learned.cells[("narrow", 0)] / "measurements.parquet")
    assert len([row for row in rows if (row.condition, row.seed) == ("narrow", 0)]) == len(own)


def test_a_diverged_seed_counts_as_lost_and_is_not_dropped(toy_run: Run, tmp_path: Path) -> None:
    copy = tmp_path / "learn"
    shutil.copytree(toy_run.path / "cells" / "learn", copy)
    whole = Evidence(copy, None)
    metric = next(row.metric for row in read_measurements(whole.cells[("wide", 0)] / "measurements.parquet"))
    header = copy / "wide" / "seed-1" / "run.json"
    header.write_text(json.dumps({**json.loads(header.read_text()), "status": "diverged"}))
    values = Evidence(copy, None).measured("wide", metric)
    assert values[0] == whole.measured("wide", metric)[0]
    assert math.isnan(values[1])
    assert Test(Bound("x", -1e9, "above"), values).verdict() == "inconclusive"


def test_what_did_not_finish_or_diverged_is_no_evidence(toy_run: Run, tmp_path: Path) -> None:
    copy = tmp_path / "learn"
    shutil.copytree(toy_run.path / "cells" / "learn", copy)
    for seed, status in ((0, "running"), (1, "diverged")):
        header = copy / "wide" / f"seed-{seed}" / "run.json"
        header.write_text(json.dumps({**json.loads(header.read_text()), "status": status}))
    evidence = Evidence(copy, None)
    assert evidence.conditions == ["narrow"]
    (copy / "narrow" / "seed-0" / "arrays.safetensors").unlink()
    with pytest.raises(RunError, match=r"arrays\.safetensors is missing"):
        evidence.arrays("narrow", 0)


# -- layers, steps and controls of a work ----------------------------------------------------------------------------


@pytest.fixture
def looked(shared_run: Run) -> Evidence:
    return Evidence(shared_run.path / "cells" / "look", None)


def test_a_profile_is_over_layers_at_the_last_step(looked: Evidence) -> None:
    assert looked.profile("trained", 0, "norm/layer") == ([0, 1], [4.0, 14.0])
    assert looked.profile("trained", 0, "norm/layer", control="untrained") == ([0, 1], [4.0, 14.0])
    with pytest.raises(RunError, match="'norm/all' has no layers in condition 'trained' of look"):
        looked.profile("trained", 0, "norm/all")
    with pytest.raises(RunError, match="'norm/layer' was not measured in condition 'trained' of look"):
        looked.profile("trained", 0, "norm/layer", control="shuffled")


def test_a_number_may_belong_to_a_layer(looked: Evidence) -> None:
    assert looked.measured("trained", "norm/layer", layer=1) == {0: 14.0, 1: 14.0}
    assert looked.measured("trained", "norm/layer", layer=0, control="untrained") == {0: 4.0, 1: 4.0}
    assert set(looked.measured("trained", "norm/all")) == {0, 1}
    with pytest.raises(RunError, match="'norm/layer' was not measured at layer 2 in condition 'trained' of look"):
        looked.measured("trained", "norm/layer", layer=2)
    with pytest.raises(RunError, match="'norm/layer' was not measured without a layer in condition 'trained'"):
        looked.measured("trained", "norm/layer")


def test_a_work_has_series_too(looked: Evidence) -> None:
    assert looked.series("trained", 1, "norm/layer", layer=1) == ([0, 4], [10.0, 14.0])
    assert looked.series("trained", 1, "course") == ([0, 3], [1.0, 2.0])
    with pytest.raises(RunError, match="'nothing' was not measured"):
        looked.series("trained", 1, "nothing")


def test_rows_keep_layers_steps_and_controls(looked: Evidence) -> None:
    rows = [row for row in looked.rows("shared-toy") if row.metric == "norm/layer" and row.seed == 0]
    assert {(row.condition, row.layer, row.step) for row in rows} == {
        (condition, layer, step)
        for condition in ("trained", "trained/untrained") for layer in (0, 1) for step in (0, 4)
    }  # fmt: skip
