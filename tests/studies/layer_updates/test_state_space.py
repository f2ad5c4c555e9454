from __future__ import annotations

from typing import Any

from geomem.studies.language_model import SMOKE_LM, small_lm
from geomem.studies.layer_updates.settings import LAPTOP, StateSpace
from geomem.studies.layer_updates.state_space import shared_mamba


def test_it_is_a_mamba_with_the_recipe_of_the_language_model() -> None:
    own = StateSpace(width=16, layers=3, state=4, steps=7, lr=0.5)
    spec, twin = shared_mamba(own, SMOKE_LM, 5).spec, small_lm(SMOKE_LM, 5)
    model: Any = spec.model
    assert (model.kind, model.width, model.layers, model.state) == ("mamba", 16, 3, 4)
    assert spec.task == twin.task
    assert spec.seed == twin.seed == 5
    assert (spec.steps, spec.stages[0].optimizer.lr) == (7, 0.5)
    assert spec.stages[0].batch == twin.stages[0].batch
    assert spec.name == "small-mamba-3-layers-seed-5"
    assert not spec.keep_at


def test_a_laptop_trains_it_in_two_minutes() -> None:
    assert 60 < shared_mamba(LAPTOP.state_space, LAPTOP.lm, 0).cost < 180
