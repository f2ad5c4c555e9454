"""Tokens on either side of a block: what a tokenwise map is fitted on and judged by."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from geomem.errors import InputError
from geomem.seeding import torch_generator


@dataclass(frozen=True)
class TokenBank:
    """n tokens: the stream entering a block (n, d), the one leaving it (n, d), token ids (n,), their windows (n,).

    Position 0 of a window does not belong here. Windows are numbered across banks: two banks share no number unless
    they share a window.
    """

    entering: Float[Tensor, "n d"]
    leaving: Float[Tensor, "n d"]
    tokens: Int[Tensor, " n"]
    windows: Int[Tensor, " n"]

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def updates(self) -> Float[Tensor, "n d"]:
        """What the block adds, U = Y - X."""
        return self.leaving - self.entering

    def permuted(self, seed: int = 0) -> TokenBank:
        """Return the bank with its updates dealt to other tokens: the null control of a tokenwise fit."""
        order = torch.randperm(len(self), generator=torch_generator(seed, "tokenwise", "permuted"))
        return replace(self, leaving=self.entering + self.updates[order.to(self.entering.device)])


def require_tokens(bank: TokenBank, needed: int, why: str) -> None:
    """Raise InputError when a bank has fewer tokens than `needed`."""
    if len(bank) < needed:
        raise InputError(f"tokenwise: {why} needs a bank of at least {needed} tokens, got {len(bank)}")
