"""Residual erasure: what a stream says at some position is replaced by what it says on average (arXiv 2505.13898)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from torch import Tensor, nn

from geomem.errors import InputError
from geomem.interventions.hooks import Positions, edited_input
from geomem.interventions.replace import put_output


def erase(
    blocks: Sequence[nn.Module], stream: int, mean: Tensor, positions: Positions, *, length: int | None = None
) -> AbstractContextManager[None]:
    """Put `mean` (d,) in the place of stream `stream` at `positions`.

    Streams are 0..L: the one entering block l, and the one leaving the last block. See `edited_output` for `length`.
    Raises InputError for a stream that does not exist.
    """
    if not 0 <= stream <= len(blocks):
        raise InputError(f"erase: there is no stream {stream}; streams are 0..{len(blocks)}")
    if stream == len(blocks):
        return put_output(blocks[-1], mean, positions, length=length)
    return edited_input(blocks[stream], lambda _: mean, positions, length=length)
