"""Sampling from a model that fills in masks, some at a time (absorbing diffusion; arXiv 2310.16834, 2502.09992)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from geomem.batch import Batch, answer_length
from geomem.decoding.reader import Reader
from geomem.decoding.sampling import GREEDY, Sampling


@dataclass(frozen=True)
class Diffusion(Reader):
    """Answers that begin as masks and are filled in over a number of steps, prompts clamped.

    mask: the token that hides others. steps: forward passes at most; None for one a token. size: tokens that may be
    answered. With sampling each pass fills in a random share of what is still hidden, which is exact ancestral
    sampling in the limit of one token a pass. Greedy, it fills in the tokens the model is surest of.
    """

    mask: int
    steps: int | None = None
    size: int | None = None

    def logits(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return logits (B, K, V) of each answer token given the true ones before it and masks from it on.

        So their cross-entropies add up to a negative log-likelihood, that of filling in from left to right, which is
        comparable with that of an autoregressive model. K passes.
        """
        length = answer_length(batch, "objective masked-diffusion")
        first = batch.tokens.shape[1] - length
        found: list[Tensor] = []
        for place in range(length):
            tokens = batch.tokens.clone()
            tokens[:, first + place :] = self.mask
            found.append(self._answers(model, tokens)[:, first + place])
        return torch.stack(found, dim=1)

    def generate(
        self,
        model: nn.Module,
        prompts: Tensor,
        length: int,
        *,
        sampling: Sampling = GREEDY,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return answers (B, `length`) int64 to prompts (B, T)."""
        start = prompts.shape[1]
        tokens = torch.cat([prompts, prompts.new_full((len(prompts), length), self.mask)], dim=1)
        hidden = torch.ones(len(prompts), length, dtype=torch.bool, device=prompts.device)
        steps = min(length, self.steps or length)
        for step in range(steps):
            # Equal shares: after pass s of S, length * (S - s) / S are still hidden, as under the log-linear schedule.
            count = round(length * (steps - step) / steps) - round(length * (steps - step - 1) / steps)
            logits = self._fillings(model, tokens)[:, start:]
            chosen = sampling.choose(logits, generator)
            if sampling.temperature == 0:
                order = logits.log_softmax(-1).gather(-1, chosen[..., None])[..., 0]
            else:
                order = torch.rand(hidden.shape, generator=generator).to(hidden.device)
            picked = order.masked_fill(~hidden, -torch.inf).topk(count, dim=1).indices
            tokens[:, start:] = tokens[:, start:].scatter(1, picked, chosen.gather(1, picked))
            hidden = hidden.scatter(1, picked, False)
        return tokens[:, start:]

    def _fillings(self, model: nn.Module, tokens: Tensor) -> Tensor:
        """Return the answers' logits without the mask: the reverse of absorption fills in, and never absorbs."""
        logits = self._answers(model, tokens)
        if self.mask >= logits.shape[-1]:
            return logits
        return logits.index_fill(-1, torch.tensor([self.mask], device=logits.device), -torch.inf)

    def _answers(self, model: nn.Module, tokens: Tensor) -> Tensor:
        return model(input_ids=tokens).logits[..., : self.size]
