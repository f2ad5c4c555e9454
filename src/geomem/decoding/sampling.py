"""Which token is taken: the most likely one, or one drawn at a temperature from the top k, or the top p, of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from geomem.errors import InputError


@dataclass(frozen=True)
class Sampling:
    """How a token is chosen from logits.

    temperature: logits are divided by it; 0 takes the most likely token. top_k: only the k most likely tokens.
    top_p: only the fewest most likely tokens that hold this much probability together, after top_k and at the
    temperature. Among tokens of equal logits the first ones come first, in both.
    Raises InputError for a negative temperature, top_k below 1 or top_p outside (0, 1].
    """

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise InputError(f"temperature: must be at least 0 and finite, got {self.temperature}")
        if self.top_k is not None and self.top_k < 1:
            raise InputError(f"top_k: must be at least 1, got {self.top_k}")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise InputError(f"top_p: must be in (0, 1], got {self.top_p}")

    def choose(self, logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return (...) int64 tokens chosen from logits (..., V)."""
        if self.temperature == 0:
            return logits.argmax(-1)
        probs = self.probabilities(logits)
        drawn = torch.multinomial(probs.flatten(0, -2), 1, generator=generator)
        return drawn.view(logits.shape[:-1])

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return the (..., V) float32 probabilities that `choose` draws with."""
        logits = logits.float()
        if self.temperature == 0:
            return torch.zeros_like(logits).scatter(-1, logits.argmax(-1, keepdim=True), 1.0)
        # Divided after the maximum is taken off, so that a tiny temperature gives zeros and no infinities.
        scaled = (logits - logits.amax(-1, keepdim=True)) / self.temperature
        if self.top_k is None and self.top_p is None:
            return scaled.softmax(-1)
        ranked, order = scaled.sort(dim=-1, descending=True, stable=True)
        if self.top_k is not None:
            ranked[..., self.top_k :] = -torch.inf
        probs = ranked.softmax(-1)
        if self.top_p is not None:
            before = probs.cumsum(-1) - probs
            probs = probs.masked_fill(before >= self.top_p, 0.0)
            probs = probs / probs.sum(-1, keepdim=True)
        return torch.zeros_like(probs).scatter(-1, order, probs)


GREEDY = Sampling()
"""The most likely token, always."""
