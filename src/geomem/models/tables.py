"""Token and position tables: initial size, reading, counting, and which positions the output layer is computed for."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from geomem.errors import InputError

TOKEN_STD = {"normal-0.02": 0.02, "scaled-residual": 0.02, "unit-normal": 1.0}
"""Standard deviation of the token table in each initialisation mode where it is fixed; linear layers then have 0.02."""


def kept(hidden: Tensor, logits_to_keep: int | Tensor) -> Tensor:
    """Return the rows of `hidden` (B, T, m) for which logits are wanted, exactly as transformers chooses them.

    `logits_to_keep`: 0 = all; k > 0 = the last k positions; (K,) int64 = these positions of every row;
    (B, K) int64 = positions row by row; (B, T) bool = the True positions, flattened to (n, m).
    """
    if isinstance(logits_to_keep, int):
        return hidden[:, -logits_to_keep:] if logits_to_keep else hidden
    if logits_to_keep.ndim == 1:
        return hidden[:, logits_to_keep]
    if logits_to_keep.dtype == torch.bool:
        return hidden[logits_to_keep]
    return torch.take_along_dim(hidden, logits_to_keep[..., None], dim=1)


def sinusoids(position_ids: Tensor, width: int) -> Tensor:
    """Return the fixed sinusoidal position vectors (..., width) of positions (...) (arXiv 1706.03762, section 3.5)."""
    angles = position_angles(position_ids, width)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)[..., :width]


def position_angles(position_ids: Tensor, width: int) -> Tensor:
    """Return the angles p / 10000^(2 i / width), i < width / 2 rounded up, of positions p (...): (..., width / 2)."""
    half = (width + 1) // 2
    rates = torch.exp(torch.arange(half, device=position_ids.device) * (-math.log(10000.0) * 2 / width))
    return position_ids[..., None] * rates


def node_embeddings(model: nn.Module, num_nodes: int) -> Tensor:
    """Return a copy (num_nodes, m) of the input vectors of nodes 0..num_nodes-1.

    A copy, because a view of live weights would silently follow the training. Raises InputError when the table is
    shorter than that.
    """
    getter = getattr(model, "get_input_embeddings", None)
    if getter is None:
        raise InputError(f"{type(model).__name__} has no token table to read node vectors from")
    table: Tensor = getter().weight
    if num_nodes > len(table):
        raise InputError(f"the token table has {len(table)} rows, fewer than the {num_nodes} nodes asked for")
    return table.detach()[:num_nodes].clone()


def count_parameters(model: nn.Module, *, trainable_only: bool = False) -> int:
    """Count parameters, tied ones once."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable_only)
