"""How long sequences may be, and of which tokens, before a model is asked to read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from geomem.errors import InputError

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter


def check_tokens(histories: Tensor, vocabulary: int) -> None:
    """Raise InputError for a token outside the vocabulary."""
    odd = histories[(histories >= vocabulary) | (histories < 0)]
    if len(odd):
        raise InputError(f"a history has token {int(odd[0])}, outside the model's vocabulary of {vocabulary}")


def check_lengths(adapter: Adapter, length: int, longest: int) -> None:
    """Raise InputError when `length` tokens with up to `longest` more are beyond the model's context.

    Nor may they begin within the original context of a model with LongRoPE (arXiv 2402.13753) and end beyond it: from
    there on such a model scales the positions of all tokens otherwise, so that no cache from before holds, and futures
    of different lengths cannot be read together.
    """
    limit, turn = adapter.context, _turn(adapter)
    if limit is not None and length + longest > limit:
        raise InputError(
            f"a history of {length} tokens with {longest} more is longer than the model's context of {limit}"
        )
    if turn is not None and length <= turn < length + longest:
        raise InputError(
            f"a history of {length} tokens with {longest} more goes beyond {turn} tokens, where {adapter.name} turns "
            "to other positions for all that came before; use shorter histories or longer ones"
        )


def _turn(adapter: Adapter) -> int | None:
    told: Any = getattr(adapter.config, "rope_parameters", None)
    if not isinstance(told, dict) or told.get("rope_type") != "longrope":  # pyright: ignore[reportUnknownMemberType]
        return None
    return told.get("original_max_position_embeddings")  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
