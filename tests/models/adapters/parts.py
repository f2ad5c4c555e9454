"""A recorded pass, for tests that rebuild what a family's blocks do."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from geomem.models.adapters import adapt
from tests.models.adapters.checkpoints import tokens


def recorded(model: Any) -> tuple[Any, list[Tensor], list[Tensor], list[Tensor]]:
    """Return the adapter, the streams, and the attention and MLP updates of a run."""
    adapter = adapt(model)
    with adapter.record() as record:
        adapter.run(tokens())
    return adapter, record.streams, record.attention or [], record.mlp or []


def same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-5, atol=1e-5)
