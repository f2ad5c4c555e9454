"""Masked (absorbing) diffusion: tokens are masked at a random rate and predicted from all that is left.

Source: arXiv 2502.09992 (LLaDA), the pretraining objective. With a rate t per sequence, E_t [1 / t * sum of -log p(x_i)
over masked i] bounds the negative log-likelihood of the sequence; divided by its length it is a loss in nats a token.
As in the form it evaluates with, the number of masked tokens is what is drawn, not each token's fate: n = round(t K) of
the K labelled ones, all choices equally likely, and the weight is K / n. Every sequence then counts alike, the variance
is smaller, and uniform logits cost log V whatever the draw.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from geomem.batch import IGNORE, Alphabet, AnyBatch, ContextBatch, labelled_columns, random_places
from geomem.decoding.diffusion import Diffusion
from geomem.errors import InputError
from geomem.objectives.cross_entropy import hard_cross_entropy
from geomem.objectives.next_token import NextToken, answers_only
from geomem.objectives.teacherless import own_filler


class MaskedDiffusion:
    """Mean cross-entropy in nats of masked tokens at their own places, weighted 1 / t (an `Objective`).

    smallest: rates are uniform in [smallest, 1]; below, a few tokens would have weights that drown all others.
    Rates and places are drawn from torch's global generator, as dropout is: the training loop seeds it and saves it.
    The mask is the task's filler; a task without one is lent a token of its own. steps: passes in which answers are
    filled in at test time; None for one a token.
    Contexts with soft labels have a single target, which no input shows; for them this is next-token prediction.
    """

    def __init__(self, alphabet: Alphabet, smallest: float = 0.05, steps: int | None = None) -> None:
        self.size, self.smallest, self.steps = alphabet.size, smallest, steps
        self.mask, self.extra_tokens = own_filler(alphabet)

    def __call__(self, model: nn.Module, batch: AnyBatch) -> Tensor:
        """Return the scalar loss. Raises InputError for a model that sees only what lies before a token."""
        if isinstance(batch, ContextBatch):
            return NextToken(self.size)(model, batch)
        if not looks_ahead(model):
            raise InputError(
                "objective masked-diffusion: needs a model that looks ahead; set model.causal=false (transformer alone)"
            )
        columns = labelled_columns(batch.labels) if batch.columns is None else batch.columns
        known = _labelled(batch.labels, columns)
        total = known.sum(1)
        rate = torch.rand(len(total), device=total.device) * (1 - self.smallest) + self.smallest
        count = torch.maximum((rate * total).round().long(), total.clamp(max=1))
        masked = random_places(known, count)
        weights = (total / count.clamp(min=1))[:, None] * (1.0 if batch.weights is None else batch.weights)
        logits = answers_only(model(input_ids=batch.tokens.masked_fill(masked, self.mask)).logits, self.size)
        return hard_cross_entropy(logits, batch.labels.masked_fill(~masked, IGNORE), weights.expand(masked.shape))

    def reader(self) -> Diffusion:
        """Return answers filled in over some passes."""
        return Diffusion(self.mask, self.steps, self.size)


def looks_ahead(model: nn.Module) -> bool:
    """Return whether a model sees what lies behind a token: what it says of itself, else what its class is named."""
    said = getattr(getattr(model, "config", None), "is_causal", None)
    return not (said if said is not None else type(model).__name__.endswith(("ForCausalLM", "LMHeadModel")))


def _labelled(labels: Tensor, columns: int | Tensor) -> Tensor:
    """Return (B, T) bool, the places that count: labelled, and in the columns (see `Batch`)."""
    place = torch.arange(labels.shape[1], device=labels.device)
    inside = place >= labels.shape[1] - columns if isinstance(columns, int) else torch.isin(place, columns)
    return inside & (labels != IGNORE)
