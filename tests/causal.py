"""Small causal models with the Hugging Face call signature, for tests."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn


class Rule(nn.Module):
    """A model that answers by a rule: `rule(tokens (B, t)) -> next token (B,)`, or `-> logits (B, V)`."""

    def __init__(self, vocabulary: int, rule: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.vocabulary, self.rule = vocabulary, rule
        self.inside = nn.Dropout(0.5)
        self.rows: list[int] = []
        self.modes: list[bool] = []

    def forward(self, input_ids: Tensor, logits_to_keep: Any = 0) -> SimpleNamespace:
        self.rows.append(len(input_ids))
        self.modes.append(self.training or torch.is_grad_enabled())
        logits = torch.stack([self._after(input_ids[:, : t + 1]) for t in range(input_ids.shape[1])], dim=1)
        return SimpleNamespace(logits=kept(logits, logits_to_keep))

    def _after(self, tokens: Tensor) -> Tensor:
        found = self.rule(tokens)
        return found if found.dim() == 2 else 9.0 * nn.functional.one_hot(found, self.vocabulary).float()


class Bag(nn.Module):
    """A smooth causal model: embeddings, running mean of a tanh, linear output. Every earlier token matters."""

    def __init__(self, vocabulary: int, width: int = 8, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.table = nn.Parameter(torch.randn(vocabulary, width, generator=generator))
        self.head = nn.Parameter(torch.randn(vocabulary, width, generator=generator))

    def forward(self, input_ids: Tensor, logits_to_keep: Any = 0) -> SimpleNamespace:
        steps = torch.arange(1, input_ids.shape[1] + 1)[:, None]
        hidden = self.table[input_ids] + self.table[input_ids].tanh().cumsum(1) / steps
        return SimpleNamespace(logits=kept(hidden, logits_to_keep) @ self.head.T)


def kept(states: Tensor, logits_to_keep: Any) -> Tensor:
    """Return the positions that transformers would keep."""
    return states[:, slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep]
