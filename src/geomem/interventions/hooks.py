"""Edits of what enters or leaves a module, by hooks that are taken away again even when the forward pass fails.

An edit sees windows (B, T, d), also where the module works on flat rows (B * T, d) or returns a tuple, and counts only
at chosen positions. Interventions see what earlier ones left; recording begun after them sees what they made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Union

import torch
from torch import Tensor, nn

from geomem.errors import InputError
from geomem.outputs import first, replaced

Positions = Union[slice, Tensor]
"""Where an edit counts: a slice of positions, or bool (T,) or (B, T), True where it does. They count from the first
token of the forward call, so that with a key-value cache they are not positions of the text."""

AFTER_FIRST = slice(1, None)
"""All positions but the first, which is left intact: it often is an attention sink, and changing it would drown every
other effect (arXiv 2505.13898)."""

EVERYWHERE = slice(None)

Edit = Callable[[Tensor, Tensor], Tensor]


@contextmanager
def edited_output(
    module: nn.Module, edit: Edit, positions: Positions = AFTER_FIRST, *, length: int | None = None
) -> Generator[None]:
    """Replace what leaves `module` by `edit(entering, leaving)`, all (B, T, d), at `positions`, while open.

    length: T, needed where the module works on flat rows (B * T, d). Raises InputError where it is needed and missing.
    """

    def hook(_module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any], output: Any) -> Any:
        rows = first(output)
        leaving = windows(rows, length)
        edited = edit(windows(entering(inputs, named), length), leaving)
        return replaced(output, merged(edited, leaving, positions).view_as(rows))

    handle = module.register_forward_hook(hook, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def edited_input(
    module: nn.Module,
    edit: Callable[[Tensor], Tensor],
    positions: Positions = AFTER_FIRST,
    *,
    length: int | None = None,
) -> Generator[None]:
    """Replace what enters `module` by `edit(entering)`, both (B, T, d), at `positions`; see `edited_output`."""

    def hook(_module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        rows = entering(inputs, named)
        before = windows(rows, length)
        after = merged(edit(before), before, positions).view_as(rows)
        if inputs:
            return (after, *inputs[1:]), named
        return inputs, {**named, "hidden_states": after}

    handle = module.register_forward_pre_hook(hook, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def entering(inputs: tuple[Any, ...], named: dict[str, Any]) -> Tensor:
    """Return the stream among the arguments of a block, or of one of its parts."""
    return inputs[0] if inputs else named["hidden_states"]


def windows(rows: Tensor, length: int | None) -> Tensor:
    """Return (B, T, d) of flat rows (B * T, d), else the tensor as it is.

    Raises InputError for flat rows that do not make up windows of `length`.
    """
    if rows.ndim != 2:
        return rows
    if length is None or rows.shape[0] % length:
        raise InputError(
            f"length: this module works on {rows.shape[0]} flat rows; give the tokens of a window, got {length}"
        )
    return rows.view(-1, length, rows.shape[-1])


def merged(edited: Tensor, original: Tensor, positions: Positions) -> Tensor:
    """Return (B, T, d): `edited` (broadcast to it) at `positions`, `original` elsewhere."""
    return torch.where(chosen(positions, original)[..., None], edited.to(original), original)


def chosen(positions: Positions, stream: Tensor) -> Tensor:
    """Return bool (T,) or (B, T), True at the positions. Raises InputError for a mask of another shape."""
    if isinstance(positions, slice):
        mask = torch.zeros(stream.shape[1], dtype=torch.bool, device=stream.device)
        mask[positions] = True
        return mask
    if positions.dtype != torch.bool or positions.shape not in (stream.shape[:2], stream.shape[1:2]):
        expected = f"bool {tuple(stream.shape[:2])} or {tuple(stream.shape[1:2])}"
        raise InputError(f"positions: expected {expected}, got {positions.dtype} {tuple(positions.shape)}")
    return positions.to(stream.device)
