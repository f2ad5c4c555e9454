"""What every objective is: a scalar loss from a model and a batch."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn

from geomem.batch import AnyBatch


class Objective(Protocol):
    """A training objective.

    Called with a causal language model (the Hugging Face way: `model(input_ids=..., logits_to_keep=...).logits`) and a
    batch on the same device; returns the mean loss in nats over labelled positions, weights respected, as a scalar.
    """

    def __call__(self, model: nn.Module, batch: AnyBatch) -> Tensor:
        """Return the loss."""
        ...
