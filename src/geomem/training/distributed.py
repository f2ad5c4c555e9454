"""The same loop on one process or several (`torchrun`): Lightning Fabric places, wraps and reduces.

Every process works on its own rows of one global batch. Means over unequal shares are reweighted, so that several
processes take the same step as one, to rounding.
"""

from __future__ import annotations

import os
from typing import Literal, cast

from lightning_fabric import Fabric
from torch import Tensor

from geomem.batch import IGNORE, AnyBatch, Batch


def make_fabric(device: str, dtype: str) -> Fabric:
    """Build and launch Fabric for the processes `torchrun` started, or for one."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    precision: Literal["32-true", "bf16-mixed"] = "bf16-mixed" if dtype == "bfloat16" else "32-true"
    if world == 1:
        fabric = Fabric(accelerator=device, devices=1, precision=precision)
    else:
        local = int(os.environ.get("LOCAL_WORLD_SIZE", str(world)))
        fabric = Fabric(accelerator=device, devices=local, num_nodes=world // local, strategy="ddp",
                        precision=precision)  # fmt: skip
    fabric.launch()
    return fabric


def own_share(index: Tensor, rank: int, world: int) -> Tensor:
    """Return the rows of a global batch (B,) that belong to one process; shares differ by at most one row."""
    return index[rank::world]


def label_weight(batch: AnyBatch) -> Tensor:
    """Return the total weight () of a batch's labels: what its mean loss is a mean over."""
    if isinstance(batch, Batch):
        labelled = batch.labels != IGNORE
        return labelled.sum().float() if batch.weights is None else (batch.weights * labelled).sum()
    return batch.weights.sum()


def summed(fabric: Fabric, value: Tensor) -> Tensor:
    """Return the sum of a tensor over all processes."""
    if fabric.world_size == 1:
        return value
    return cast(Tensor, fabric.all_reduce(value.detach().clone(), reduce_op="sum"))
