"""Replacing what a block computes: by a function of each token alone, or by values made before."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from torch import Tensor, nn

from geomem.interventions.hooks import AFTER_FIRST, Positions, chosen, edited_output


def replace_output(
    block: nn.Module,
    function: Callable[[Tensor], Tensor],
    positions: Positions = AFTER_FIRST,
    *,
    length: int | None = None,
) -> AbstractContextManager[None]:
    """Let `function` of what enters `block`, (n, d) to (n, d), leave it at `positions`: a tokenwise stand-in.

    The function is given the rows at `positions` only, window by window. See `edited_output` for `length`.
    """

    def edit(stream: Tensor, output: Tensor) -> Tensor:
        mask = chosen(positions, stream).expand(stream.shape[:2])
        edited = output.clone()
        edited[mask] = function(stream[mask]).to(output.dtype)
        return edited

    return edited_output(block, edit, positions, length=length)


def put_output(
    block: nn.Module, values: Tensor, positions: Positions = AFTER_FIRST, *, length: int | None = None
) -> AbstractContextManager[None]:
    """Let `values` (B, T, d), or anything that broadcasts to it, leave `block` at `positions`."""
    return edited_output(block, lambda _stream, _output: values, positions, length=length)
