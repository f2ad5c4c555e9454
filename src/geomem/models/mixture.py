"""Output layers that mix several softmaxes, or several context vectors before one softmax, over free context vectors.

Source: arXiv 1711.03953, section 2.3. There component k of a context sees h_k = tanh(U_k g) and has the share
softmax(V g)_k of a network's state g. Here nothing is below: h_k and the logits of the shares are free for every
context, which is what such a network could say at most. A mixture of softmaxes averages probabilities and is not bound
to rank d. A mixture of contexts averages h, so it stays at rank d however many components it has.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from geomem.errors import InputError
from geomem.seeding import torch_generator


class Softmax(nn.Module):
    """One softmax over d dimensions without bias: `contexts` (n, d), `words` (V, d)."""

    def __init__(self, contexts: int, vocabulary: int, dimension: int, *, seed: int, std: float = 0.1) -> None:
        super().__init__()
        draw = _Draw(seed)
        self.contexts = nn.Parameter(draw(contexts, dimension, std=std))
        self.words = nn.Parameter(draw(vocabulary, dimension, std=std))

    def forward(self, index: Int[Tensor, " b"]) -> Float[Tensor, "b v"]:
        """Return the log-probabilities (B, V) of the tokens after contexts `index` (B,)."""
        return torch.log_softmax(self.contexts[index] @ self.words.T, dim=-1)


class _Mixture(nn.Module):
    """What both mixtures have: `contexts` (n, K, d), `shares` (n, K) logits, `words` (V, d)."""

    def __init__(
        self, contexts: int, vocabulary: int, dimension: int, *, components: int, seed: int, std: float = 0.1
    ) -> None:
        """Draw all tables N(0, std²). Raises InputError for a mixture without components."""
        super().__init__()
        if components < 1:
            raise InputError(f"components: a mixture has at least 1, got {components}")
        draw = _Draw(seed)
        self.contexts = nn.Parameter(draw(contexts, components, dimension, std=std))
        self.shares = nn.Parameter(draw(contexts, components, std=std))
        self.words = nn.Parameter(draw(vocabulary, dimension, std=std))

    def log_shares(self, index: Int[Tensor, " b"]) -> Float[Tensor, "b k"]:
        """Return the log of the share of each component (B, K)."""
        return torch.log_softmax(self.shares[index], dim=-1)


class MixtureOfSoftmaxes(_Mixture):
    """P(x | c) = sum_k share_k softmax_x(h_k . w_x)."""

    def forward(self, index: Int[Tensor, " b"]) -> Float[Tensor, "b v"]:
        """Return the log-probabilities (B, V) of the tokens after contexts `index` (B,)."""
        each = torch.log_softmax(self.contexts[index] @ self.words.T, dim=-1)
        return torch.logsumexp(self.log_shares(index)[:, :, None] + each, dim=1)


class MixtureOfContexts(_Mixture):
    """P(x | c) = softmax_x((sum_k share_k h_k) . w_x)."""

    def forward(self, index: Int[Tensor, " b"]) -> Float[Tensor, "b v"]:
        """Return the log-probabilities (B, V) of the tokens after contexts `index` (B,)."""
        mean = torch.einsum("bk,bkd->bd", self.log_shares(index).exp(), self.contexts[index])
        return torch.log_softmax(mean @ self.words.T, dim=-1)


class _Draw:
    """Independent normal numbers in float64 from one stream."""

    def __init__(self, seed: int) -> None:
        self.generator = torch_generator(seed, "init")

    def __call__(self, *shape: int, std: float) -> Tensor:
        return std * torch.randn(*shape, generator=self.generator, dtype=torch.float64)
