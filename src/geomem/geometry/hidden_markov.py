"""Hidden Markov models as next-token generators: low-rank in probabilities, and nearly so in logits."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class HiddenMarkov:
    """transition (S, S) and emission (S, V), rows summing to 1, all entries positive; start (S,). float64.

    The state of a sequence is what is believed of the hidden state: its distribution given the tokens seen.
    """

    transition: Float[Tensor, "S S"]
    emission: Float[Tensor, "S V"]
    start: Float[Tensor, " S"]

    @property
    def vocabulary(self) -> int:
        """Number of tokens."""
        return self.emission.shape[1]

    def begin(self, count: int) -> Float[Tensor, "n S"]:
        """Return the belief before any token, once for each of `count` sequences."""
        return self.start.expand(count, -1)

    def step(self, state: Float[Tensor, "n S"], tokens: Int[Tensor, " n"]) -> Float[Tensor, "n S"]:
        """Return the beliefs after one more token each (the forward algorithm, normalised)."""
        seen = state * self.emission[:, tokens].T
        return (seen / seen.sum(1, keepdim=True)) @ self.transition

    def logits(self, state: Float[Tensor, "n S"]) -> Float[Tensor, "n V"]:
        """Return the log-probabilities of the next token."""
        return (state @ self.emission).log()

    @classmethod
    def draw(cls, states: int, vocabulary: int, generator: torch.Generator) -> HiddenMarkov:
        """Draw each row evenly from all distributions (Dirichlet 1), and start in the uniform distribution."""

        def rows(width: int) -> Tensor:
            drawn = -torch.rand(states, width, generator=generator, dtype=torch.float64).clamp(min=1e-12).log()
            return drawn / drawn.sum(1, keepdim=True)

        return cls(rows(states), rows(vocabulary), torch.full((states,), 1 / states, dtype=torch.float64))
