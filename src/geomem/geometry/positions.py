"""Means by place in the window: what the first tokens are like, layer by layer."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric


class PositionMeans(Metric):
    """Streaming mean over windows of a per-token number at each layer and each of the first `places` of a window.

    States: `total` (l, places) and `count` () windows, plain sums. Windows shorter than `places` leave the rest at 0.
    """

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, layers: int, places: int) -> None:
        super().__init__(compute_with_cache=False)
        self.add_state("total", torch.zeros(layers, places, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, values: Float[Tensor, "l b t"]) -> None:
        """Add a batch of windows."""
        first = values[:, :, : self.total.shape[1]]
        self.total[:, : first.shape[2]] += first.sum(1, dtype=torch.float64)
        self.count += values.shape[1]

    def compute(self) -> Float[Tensor, "l p"]:
        """Return the means; NaN before the first window."""
        return self.total / self.count


def median_ratios(norms: Float[Tensor, "l b t"]) -> Float[Tensor, "l b t"]:
    """Return each token's number over the median of its window at that layer (1 where the median is 0)."""
    medians = norms.median(2, keepdim=True).values
    return torch.where(medians > 0, norms / medians.where(medians > 0, 1.0), 1.0)
