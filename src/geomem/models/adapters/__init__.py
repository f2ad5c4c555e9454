"""Adapters: one view of blocks, streams, attention, MLP and output layer, whatever the architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from geomem.models.adapters.registry import FAMILIES, family_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from geomem.models.adapters.adapter import Adapter

__all__ = ["FAMILIES", "adapt"]


def adapt(model: PreTrainedModel) -> Adapter:
    """Return the adapter of a causal or masked model; a generic one for families that geomem does not know.

    Never fails: what a model cannot give is named in `missing`. A generic adapter runs the model once on four tokens,
    to prove what it has guessed.
    """
    family = family_of(str(cast(Any, model.config).get_text_config().model_type))
    if family is not None:
        try:
            return family(model)
        except AttributeError:  # a variant that is laid out otherwise
            pass
    return _generic(model)


def _generic(model: PreTrainedModel) -> Adapter:
    from geomem.models.adapters.generic import ODD, GenericAdapter
    from geomem.models.adapters.hidden_states import HiddenStatesAdapter

    try:
        guess = GenericAdapter(model)
        if guess.blocks and guess.prove():
            return guess
    except ODD:
        pass
    return HiddenStatesAdapter(model)
