"""What follows the last hidden state: an output layer, after which a model may scale its logits or cap them.

Centred logits are linear in the state where nothing but a scale follows the output layer:
L_z = s ((w_z - mean w) x + b_z - mean b). So a few columns cost a few dot products, exactly, without the vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.logit_rank import centred
from geomem.geometry.vectors import row_chunks
from geomem.probing.logits.source import top_tokens

if TYPE_CHECKING:
    from torch import nn

_SAME = 1e-4
"""Share of the largest logit by which two ways of computing logits may differ."""

_CAPS = ("final_logit_softcapping", "logits_soft_cap", "output_logit_soft_cap")
"""What configurations call the cap (Gemma 2 and 3, RecurrentGemma, xLSTM)."""


class Head:
    """The output layer of a model, with weight (V, d), and what follows it: a scale, or a cap c tanh(. / c)."""

    def __init__(self, layer: nn.Module, scale: float = 1.0, cap: float | None = None) -> None:
        self.layer, self.scale, self.cap = layer, scale, cap
        weight = cast(Tensor, layer.weight).detach()
        bias = cast("Tensor | None", getattr(layer, "bias", None))
        self.vocabulary, self.width = weight.shape
        self._weight = weight
        self._mean = weight.mean(0, dtype=torch.float64).to(weight.dtype)
        self._bias = None if bias is None else bias.detach() - bias.detach().mean()

    @torch.no_grad()
    def centred(self, states: Tensor) -> Tensor:
        """Return centred logits (..., V), in main memory, of states (..., d)."""
        logits = self.layer(states.to(self._weight.device)).cpu()
        return centred(self.scale * logits if self.cap is None else self.cap * torch.tanh(logits / self.cap))

    @torch.no_grad()
    def columns(self, states: Tensor, tokens: Tensor) -> Tensor:
        """Return the centred logits (n, k) of tokens (k,) from states (n, d)."""
        if len(tokens) == self.vocabulary:  # all, in order
            return self.centred(states)
        if self.cap is not None:
            chunks = row_chunks(len(states), self.vocabulary)
            return torch.cat([self.centred(states[rows])[:, tokens] for rows in chunks])
        found = states.to(self._weight.device) @ (self._weight[tokens] - self._mean).T
        return (self.scale * (found if self._bias is None else found + self._bias[tokens])).cpu()

    def combined(self, states: Tensor, weights: Tensor) -> Tensor:
        """Return the sum (V,), float64, of the centred logits of states (n, d), each row times its weight (n,)."""
        weights = weights.double().to(states.device)
        if self.cap is None:
            found = self.centred((weights @ states.double()).to(states.dtype)).double()
            return found if self._bias is None else found + self.scale * (weights.sum() - 1).cpu() * self._bias.cpu()
        chunks, weights = row_chunks(len(states), self.vocabulary), weights.cpu()
        return torch.stack([weights[rows] @ self.centred(states[rows]).double() for rows in chunks]).sum(0)

    def mean(self, states: Tensor) -> Tensor:
        """Return the mean over rows of the centred logits, (V,), of states (n, d)."""
        return self.combined(states, states.new_full((len(states),), 1 / len(states)))

    def top(self, states: Tensor, tokens: int | None) -> Tensor:
        """Return the `tokens` tokens (k,) with the highest mean logit over states (n, d), ascending by id."""
        if tokens is None or tokens >= self.vocabulary:
            return torch.arange(self.vocabulary)
        return top_tokens(self.mean(states)[None], tokens)[0]


def head_of(layer: nn.Module, config: Any, states: Tensor, logits: Tensor) -> Head:
    """Return the head that makes logits (..., V) of states (..., d), the input of the output layer, as the model did.

    Raises InputError when it is neither the output layer alone, nor a multiple of it, nor the cap of the configuration.
    """
    plain = layer(states)
    # The cap first: on small logits it looks like nothing at all, and on larger ones it would be missed.
    for cap in (getattr(config, name, None) for name in _CAPS):
        if cap is not None and _same(cap * torch.tanh(plain / cap), logits):
            return Head(layer, cap=float(cap))
    scale = float((plain * logits).sum() / plain.square().sum())
    if abs(scale - 1) < _SAME:
        scale = 1.0
    if _same(scale * plain, logits):
        return Head(layer, scale)
    raise InputError(f"{config.model_type}: what this model does after its output layer is not known to geomem")


def _same(one: Tensor, other: Tensor) -> bool:
    return float((one - other).abs().max()) <= _SAME * float(other.abs().max())
