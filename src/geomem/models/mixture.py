"""Output layers that mix several softmaxes, or several context vectors before one softmax, over free context vectors.

Source: arXiv 1711.03953, section 2.3. A context has a free vector g; component k sees h_k = tanh(U_k g), and the shares
are softmax(V g). A mixture of softmaxes averages probabilities and is not bound to rank d. A mixture of contexts
averages h, so it stays at rank d however many components it has. Neither has a sequence axis.
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
    """What both mixtures have.

    contexts: (n, m) vectors g. components: U (K, d, m). shares: V (K, m). words: (V, d).
    """

    def __init__(
        self, contexts: int, vocabulary: int, dimension: int, *, components: int, seed: int, std: float = 0.1,
        state: int | None = None,
    ) -> None:  # fmt: skip
        """state: width m of g, by default K * d. Weights on g are N(0, 1/m). Raises InputError without components."""
        super().__init__()
        if components < 1:
            raise InputError(f"components: a mixture has at least 1, got {components}")
        draw, width = _Draw(seed), state or components * dimension
        self.contexts = nn.Parameter(draw(contexts, width, std=1.0))
        self.components = nn.Parameter(draw(components, dimension, width, std=width**-0.5))
        self.shares = nn.Parameter(draw(components, width, std=width**-0.5))
        self.words = nn.Parameter(draw(vocabulary, dimension, std=std))

    def log_shares(self, index: Int[Tensor, " b"]) -> Float[Tensor, "b k"]:
        """Return the log of the share of each component (B, K)."""
        return torch.log_softmax(self.contexts[index] @ self.shares.T, dim=-1)

    def states(self, index: Int[Tensor, " b"]) -> Float[Tensor, "b k d"]:
        """Return h (B, K, d)."""
        return torch.tanh(torch.einsum("bm,kdm->bkd", self.contexts[index], self.components))


class MixtureOfSoftmaxes(_Mixture):
    """P(x | c) = sum_k share_k softmax_x(h_k . w_x)."""

    def forward(self, index: Int[Tensor, " b"]) -> Float[Tensor, "b v"]:
        """Return the log-probabilities (B, V) of the tokens after contexts `index` (B,)."""
        each = torch.log_softmax(self.states(index) @ self.words.T, dim=-1)
        return torch.logsumexp(self.log_shares(index)[:, :, None] + each, dim=1)


class MixtureOfContexts(_Mixture):
    """P(x | c) = softmax_x((sum_k share_k h_k) . w_x)."""

    def forward(self, index: Int[Tensor, " b"]) -> Float[Tensor, "b v"]:
        """Return the log-probabilities (B, V) of the tokens after contexts `index` (B,)."""
        mean = torch.einsum("bk,bkd->bd", self.log_shares(index).exp(), self.states(index))
        return torch.log_softmax(mean @ self.words.T, dim=-1)


class _Draw:
    """Independent normal numbers in float64 from one stream."""

    def __init__(self, seed: int) -> None:
        self.generator = torch_generator(seed, "init")

    def __call__(self, *shape: int, std: float) -> Tensor:
        return std * torch.randn(*shape, generator=self.generator, dtype=torch.float64)
