from __future__ import annotations

from pathlib import Path

import pytest

from geomem.errors import InputError
from geomem.studies.language_model import MODEL, shared_lm
from geomem.studies.representation_phases.experiments import EXPERIMENTS, language_model, truncation
from geomem.studies.representation_phases.settings import LAPTOP, SMOKE


def test_both_look_at_the_same_shared_language_model() -> None:
    for make in (language_model, truncation):
        cells = make(LAPTOP, range(3))
        assert [cell.needs[MODEL].spec for cell in cells] == [shared_lm(LAPTOP.lm, seed).spec for seed in range(3)]
    assert language_model(LAPTOP, [0])[0].cost > language_model(SMOKE, [0])[0].cost


def test_a_named_model_takes_its_place_and_must_exist(tmp_path: Path) -> None:
    settings = LAPTOP.model_copy(update={"model": str(tmp_path / "nothing")})
    with pytest.raises(InputError, match="nothing"):
        language_model(settings, range(3))
    (tmp_path / "config.json").write_text("{}")
    (cell,) = language_model(LAPTOP.model_copy(update={"model": str(tmp_path)}), range(3))
    assert not cell.needs
    assert (cell.seed, cell.spec.settings["model"]) == (0, str(tmp_path))  # pyright: ignore


def test_everything_is_part_of_the_default_run() -> None:
    assert all(experiment.headline for experiment in EXPERIMENTS)
