"""Next-token prediction: each labelled token from the true tokens before it."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from geomem.batch import AnyBatch, Batch, ContextBatch, labelled_columns
from geomem.decoding.reader import Autoregressive
from geomem.objectives.cross_entropy import hard_cross_entropy, soft_cross_entropy


class NextToken:
    """Mean next-token cross-entropy in nats, under teacher forcing (an `Objective`).

    size: tokens of the task; logits of those behind them, which are no answers, are left out. None for all.
    The output layer is computed only at positions from which a labelled token is predicted.
    """

    extra_tokens = 0

    def __init__(self, size: int | None = None) -> None:
        self.size = size

    def __call__(self, model: nn.Module, batch: AnyBatch) -> Tensor:
        """Return the scalar loss of `model` on `batch`."""
        if isinstance(batch, ContextBatch):
            # Not `[:, -1]`, whose gradient fills a second array of logits with zeros first.
            logits = model(input_ids=batch.tokens, logits_to_keep=1).logits.flatten(0, 1)
            return soft_cross_entropy(answers_only(logits, self.size), batch.rows, batch.targets, batch.probs,
                                      batch.weights)  # fmt: skip
        return hidden_input_loss(model, batch, batch.tokens, self.size)

    def reader(self) -> Autoregressive:
        """Return one token after another."""
        return Autoregressive(self.size)


def hidden_input_loss(model: nn.Module, batch: Batch, inputs: Tensor, size: int | None = None) -> Tensor:
    """Return the mean cross-entropy of the batch's labels when the model reads `inputs` (B, T) in place of the tokens.

    The last input column predicts nothing and is not read. size: tokens that may be answered; None for all.
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
    return hard_cross_entropy(answers_only(logits, size), labels, weights)


def answers_only(logits: Tensor, size: int | None) -> Tensor:
    """Return logits (..., size) of the tokens that may be answered, without a copy when they are all there are."""
    return logits if size is None or logits.shape[-1] == size else logits[..., :size]
