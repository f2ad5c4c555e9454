"""The state-space language model: geomem's Mamba in the place of GPT-2, on the same text with the same recipe."""

from __future__ import annotations

from geomem.spec import validate
from geomem.studies.language_model import SmallLM, small_lm
from geomem.studies.layer_updates.settings import StateSpace
from geomem.studies.study import Shared
from geomem.training.spec import TrainSpec

_SECONDS = 3.3e-7
"""Seconds for a token, layer and unit of width on one core of a laptop, forward and backward, measured."""


def shared_mamba(own: StateSpace, lm: SmallLM, seed: int) -> Shared:
    """Return the training of the state-space model as one that studies share."""
    recipe = small_lm(lm.model_copy(update={"steps": own.steps, "lr": own.lr}), seed).model_dump(mode="json")
    model = {"kind": "mamba", "width": own.width, "layers": own.layers, "state": own.state}
    name = f"small-mamba-{own.layers}-layers-seed-{seed}"
    tokens = own.steps * lm.batch * lm.context
    return Shared(
        validate(TrainSpec, {**recipe, "name": name, "model": model, "keep_at": ()}),
        cost=1.0 + _SECONDS * own.layers * own.width * tokens,
    )
