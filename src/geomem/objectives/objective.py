"""What every objective is: a scalar loss from a model and a batch, and the way its model is asked afterwards."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from geomem.batch import AnyBatch
from geomem.decoding.reader import Reader


class Objective(Protocol):
    """A training objective.

    Called with a causal language model (the Hugging Face way: `model(input_ids=..., logits_to_keep=...).logits`) and a
    batch on the same device; returns the mean loss in nats over labelled positions, weights respected, as a scalar.
    """

    @property
    def extra_tokens(self) -> int:
        """How many tokens it brings itself, behind those of the task; the model must have them. Never answers."""
        ...

    def __call__(self, model: nn.Module, batch: AnyBatch) -> Tensor:
        """Return the loss."""
        ...

    def reader(self) -> Reader:
        """Return how a model that was trained so is asked."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """An objective that changes from batch to batch; a run that is resumed hands it the state it had."""

    def state_dict(self) -> dict[str, Tensor]:
        """Return what changes, on the CPU."""
        ...

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from a state."""
        ...
