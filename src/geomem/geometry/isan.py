"""Input-switched affine networks: generators whose logits are exactly of low rank (arXiv 2510.24966, Theorem).

x_t = A_{z_t} x_{t-1} and z_t ~ softmax(B x_{t-1}) with x in R^d, so that extended logit matrices have rank at most d.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class InputSwitchedAffine:
    """A time-invariant network: switch (V, d, d), one map for each token; output (V, d); start (d,). float64."""

    switch: Float[Tensor, "V d d"]
    output: Float[Tensor, "V d"]
    start: Float[Tensor, " d"]

    @property
    def vocabulary(self) -> int:
        """Number of tokens."""
        return len(self.output)

    def begin(self, count: int) -> Float[Tensor, "n d"]:
        """Return the state before any token, once for each of `count` sequences."""
        return self.start.expand(count, -1)

    def step(self, state: Float[Tensor, "n d"], tokens: Int[Tensor, " n"]) -> Float[Tensor, "n d"]:
        """Return the states after one more token each."""
        return torch.einsum("nij,nj->ni", self.switch[tokens], state)

    def logits(self, state: Float[Tensor, "n d"]) -> Float[Tensor, "n V"]:
        """Return the logits of the next token."""
        return state @ self.output.T

    @classmethod
    def draw(cls, vocabulary: int, width: int, generator: torch.Generator) -> InputSwitchedAffine:
        """Draw A_z = 1.1 N(0, 1) / sqrt(d), B = 2 N(0, 1) and a start of length 1."""

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator, dtype=torch.float64)

        switch = 1.1 * normal(vocabulary, width, width) / width**0.5
        output, start = 2 * normal(vocabulary, width), normal(width)
        return cls(switch, output, start / start.norm())
