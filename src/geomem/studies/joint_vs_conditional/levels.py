"""How the level of a context's logits goes with the log of its probability: correlation, slope, and in which gauge."""

from __future__ import annotations

import torch
from torch import Tensor

from geomem.geometry.partial_correlation import Partial, partial
from geomem.geometry.spilled_energy import Gauge, log_partition


def level_against(
    logits: Tensor, log_prior: Tensor, given: Tensor, *, gauge: Gauge = "centred", clusters: Tensor | None = None
) -> Partial:
    """Relate logsumexp of logits (n, V) in a gauge to log priors (n,) with covariates (n, k) held fixed."""
    return partial(log_prior, log_partition(logits, gauge=gauge), given, clusters)


def covariates(probs: Tensor) -> Tensor:
    """Return the conditional entropy and the support size of distributions (n, V): (n, 2)."""
    return torch.stack([-torch.xlogy(probs, probs).sum(-1), (probs > 0).sum(-1).double()], dim=-1)
