"""Next-token prediction: each labelled token from the true tokens before it."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from geomem.batch import AnyBatch, Batch, ContextBatch, labelled_columns
from geomem.objectives.cross_entropy import hard_cross_entropy, soft_cross_entropy


class NextToken:
    """Mean next-token cross-entropy in nats, under teacher forcing (an `Objective`).

    The output layer is computed only at positions from which a labelled token is predicted.
    """

    def __call__(self, model: nn.Module, batch: AnyBatch) -> Tensor:
        """Return the scalar loss of `model` on `batch`."""
        if isinstance(batch, ContextBatch):
            # Not `[:, -1]`, whose gradient fills a second array of logits with zeros first.
            logits = model(input_ids=batch.tokens, logits_to_keep=1).logits.flatten(0, 1)
            return soft_cross_entropy(logits, batch.rows, batch.targets, batch.probs, batch.weights)
        return hidden_input_loss(model, batch, batch.tokens)


def hidden_input_loss(model: nn.Module, batch: Batch, inputs: Tensor) -> Tensor:
    """Return the mean cross-entropy of the batch's labels when the model reads `inputs` (B, T) in place of the tokens.

    The last input column predicts nothing and is not read.
    """
    columns = labelled_columns(batch.labels) if batch.columns is None else batch.columns
    keep: Any
    if isinstance(columns, int):
        keep, labels = columns, batch.labels[:, -columns:]
        weights = None if batch.weights is None else batch.weights[:, -columns:]
    else:
        keep, labels = columns - 1, batch.labels[:, columns]
        weights = None if batch.weights is None else batch.weights[:, columns]
    logits = model(input_ids=inputs[:, :-1], logits_to_keep=keep).logits
    return hard_cross_entropy(logits, labels, weights)
