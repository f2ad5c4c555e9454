"""Changing what a module writes without replacing it: a vector added, or its size set for chosen tokens.

Source: the causal test of attention sinks (arXiv 2512.22213, released code).
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from geomem.errors import InputError
from geomem.interventions.hooks import AFTER_FIRST, EVERYWHERE, Positions, edited_output


def add_to_output(
    module: nn.Module, vector: Tensor, positions: Positions = AFTER_FIRST, *, length: int | None = None
) -> AbstractContextManager[None]:
    """Add `vector` (d,) to what leaves `module` at `positions`. See `edited_output` for `length`."""
    return edited_output(module, lambda _, output: output + vector.to(output), positions, length=length)


def rescale_output(
    module: nn.Module, norm: float, positions: Positions = AFTER_FIRST, *, length: int | None = None
) -> AbstractContextManager[None]:
    """Give what leaves `module` the l2 norm `norm` at `positions`, its direction kept; a zero stays zero."""
    return edited_output(module, lambda _, output: _scaled(output, norm), positions, length=length)


def rescale_aligned(
    module: nn.Module,
    direction: Tensor,
    norm: float,
    *,
    cosine: float = 0.98,
    intact: int = 3,
    length: int | None = None,
) -> AbstractContextManager[None]:
    """Give the l2 norm `norm` to what leaves `module` wherever its cosine with `direction` (d,) is above `cosine`.

    The first `intact` positions are left alone. Defaults as in the source: 0.98, and positions 0 to 2. `direction` is
    what the module wrote for the primary sink. Raises InputError for a zero direction.
    """
    if not bool(direction.any()):
        raise InputError("direction: is zero, so no output points along it")

    def edit(_inner: Tensor, output: Tensor) -> Tensor:
        along = F.cosine_similarity(output, direction.to(output), dim=-1)
        aligned = (along > cosine) & (torch.arange(output.shape[1], device=output.device) >= intact)
        return torch.where(aligned[..., None], _scaled(output, norm), output)

    return edited_output(module, edit, EVERYWHERE, length=length)


def _scaled(output: Tensor, norm: float) -> Tensor:
    return F.normalize(output, dim=-1) * norm
