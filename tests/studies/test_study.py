from __future__ import annotations

from dataclasses import replace

import pytest

from geomem.errors import InputError
from geomem.studies.study import shared_trainings
from tests.contract.checks import check_cells
from tests.studies.shared_toy import SHARED_TOY, SharedSettings, training
from tests.studies.toy import TOY


def test_the_headline_set_is_what_runs_by_default() -> None:
    assert [one.name for one in TOY.chosen(())] == ["learn"]
    assert [one.name for one in TOY.chosen(("all",))] == ["learn", "formula", "good"]
    assert [one.name for one in TOY.chosen(("good", "learn", "good"))] == ["good", "learn"]


def test_an_unknown_experiment_names_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown experiment of toy 'formla'; did you mean 'formula'"):
        TOY.chosen(("learn", "formla"))
    assert TOY.experiment("good").name == "good"


def test_a_shared_training_is_one_however_many_need_it() -> None:
    settings = SharedSettings()
    cells = [cell for one in SHARED_TOY.experiments for cell in one.cells(settings, range(3))]
    assert len(cells) == 6
    found = shared_trainings(cells)
    assert [one.spec for one in found] == [training(settings, seed) for seed in range(3)]
    assert shared_trainings(TOY.experiments[0].cells(TOY.scales["smoke"], [0])) == []


def test_cells_that_are_no_trainings_are_checked() -> None:
    (cell,) = SHARED_TOY.experiments[0].cells(SharedSettings(), [0])
    check_cells([cell], "here")
    lost = cell.spec.model_copy(update={"function": "tests.studies.shared_toy:nothing"})
    with pytest.raises(AttributeError, match="nothing"):
        check_cells([replace(cell, spec=lost)], "here")
    with pytest.raises(AssertionError, match="is a work; what it works out is its function's own"):
        check_cells([replace(cell, after="tests.studies.toy:keep")], "here")
    with pytest.raises(AssertionError, match="is a training; only a work can need others"):
        check_cells([replace(cell, spec=training(SharedSettings(), 0))], "here")
