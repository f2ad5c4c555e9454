from __future__ import annotations

from pathlib import Path

from geomem.studies.language_model import MODEL, shared_lm
from geomem.studies.linguistic_collapse.experiments import EXPERIMENTS, gates, training
from geomem.studies.linguistic_collapse.settings import LAPTOP, SMOKE


def test_the_language_model_is_the_one_that_studies_share() -> None:
    cells = training(LAPTOP, range(3))
    assert [cell.needs[MODEL].spec for cell in cells] == [shared_lm(LAPTOP.lm, seed).spec for seed in range(3)]
    assert cells[0].cost > training(SMOKE, [0])[0].cost


def test_a_named_model_takes_its_place(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (cell,) = training(LAPTOP.model_copy(update={"model": str(tmp_path)}), range(3))
    assert not cell.needs
    assert (cell.seed, cell.spec.settings["model"]) == (0, str(tmp_path))  # pyright: ignore


def test_gates_need_no_model() -> None:
    assert not any(cell.needs for cell in gates(LAPTOP, range(2)))
    assert all(experiment.headline for experiment in EXPERIMENTS)
