from __future__ import annotations

from typing import Any

import pytest

from geomem.studies.language_model import LAPTOP_LM
from geomem.studies.layer_skipping.settings import LAPTOP, PAPER, SMOKE
from geomem.studies.layer_skipping.twin import BAG, CAUSAL, DIFFUSION, trainings
from geomem.training.spec import TrainSpec


def test_the_two_networks_differ_in_causality_objective_and_steps_alone() -> None:
    made = trainings(LAPTOP_LM, LAPTOP.twin, 3)
    causal, diffusion = (made[name].spec.model_dump(mode="json") for name in (CAUSAL, DIFFUSION))
    assert causal["model"].pop("causal") is True
    assert diffusion["model"].pop("causal") is False
    assert causal["model"] == diffusion["model"]
    (one,), (two,) = causal["stages"], diffusion["stages"]
    assert two.pop("steps") == 4 * one.pop("steps") == 4 * LAPTOP_LM.steps
    assert one == two
    assert (causal["objective"]["kind"], diffusion["objective"]["kind"]) == ("next-token", "masked-diffusion")
    assert (causal["task"]["kind"], diffusion["task"]["kind"]) == ("text", "cloze")
    assert diffusion["objective"]["smallest"] == 0.05
    assert causal["seed"] == diffusion["seed"] == 3


def test_the_bag_sees_no_positions() -> None:
    model: Any = trainings(LAPTOP_LM, LAPTOP.twin, 0)[BAG].spec.model
    assert (model.layers, model.positions, model.causal) == (1, "none", False)


@pytest.mark.parametrize("settings", [SMOKE, LAPTOP, PAPER])
def test_checkpoints_are_kept_to_the_last_step(settings: Any) -> None:
    for need in trainings(settings.lm, settings.twin, 0).values():
        spec = need.spec
        assert spec.kept[-1] == spec.steps
        assert len(spec.kept) == settings.twin.keep
        assert TrainSpec.model_validate(spec.model_dump(mode="json")) == spec


def test_a_seed_of_the_laptop_scale_takes_minutes() -> None:
    assert sum(need.cost for need in trainings(LAPTOP.lm, LAPTOP.twin, 0).values()) < 15 * 60
