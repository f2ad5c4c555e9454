"""The context matrix: distinct contexts, what follows each and how often (arXiv 2408.15417, section 2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from geomem.batch import ContextBatch
from geomem.errors import InputError

PAD = -1
"""Fills up, on the left, a context that is shorter than the longest one. It is no token, and no model takes it."""

DENSE_LIMIT = 1 << 30
"""Most entries of a dense matrix (8 GiB in float64)."""


@dataclass(frozen=True)
class ContextMatrix:
    """The distinct contexts of a body of knowledge, and the counts of what follows each (CSR over contexts).

    contexts: (m, T) int64, one distinct context a row; `PAD` on the left of those shorter than T.
    indptr: (m + 1,) int64; indices: (nnz,) int64, next tokens, ascending within a context; counts: (nnz,) float64, how
    often each followed, or any positive mass. vocabulary: V, every next token is below it.

    Training and probing read `weights` and `probs`; theory reads `dense`, `support` and `shares`, whose columns are
    contexts. All samples of a context count once in the matrix, and the loss over the matrix is the loss over all of
    them.
    """

    contexts: Tensor
    indptr: Tensor
    indices: Tensor
    counts: Tensor
    vocabulary: int

    def __len__(self) -> int:
        return int(self.contexts.shape[0])

    @classmethod
    def from_pairs(cls, contexts: Tensor, targets: Tensor, vocabulary: int | None = None) -> ContextMatrix:
        """Group samples, contexts (n, T) each followed by targets (n,), into distinct contexts in ascending order.

        vocabulary: by default one more than the largest target. Raises InputError when there is no sample or a target
        is outside the vocabulary.
        """
        if len(targets) == 0:
            raise InputError("no sample to build a context matrix from")
        low, span = int(targets.min()), int(targets.max()) + 1
        size = span if vocabulary is None else vocabulary
        if low < 0 or span > size:
            raise InputError(f"next token {low if low < 0 else span - 1} is outside the vocabulary of {size}")
        unique, inverse = torch.unique(contexts, dim=0, return_inverse=True)
        keys, counts = torch.unique(inverse * span + targets, return_counts=True)
        rows, indices = keys // span, keys % span
        return cls(unique, _pointers(rows, len(unique)), indices, counts.double(), size)

    @classmethod
    def from_dense(cls, P: Tensor, pi: Tensor, contexts: Tensor | None = None) -> ContextMatrix:
        """Take next-token distributions P (V, m), whose columns sum to 1, and context shares pi (m,), which sum to 1.

        contexts: (m, T) int64, in the order of the columns; by default context j is the single token j.
        Raises InputError for shapes that do not fit, a negative entry, a share that is not positive, or wrong sums.
        """
        if P.dim() != 2 or pi.shape != P.shape[1:] or pi.numel() == 0:
            raise InputError(f"P {tuple(P.shape)} and pi {tuple(pi.shape)} must be (V, m) and (m,), with m at least 1")
        named = torch.arange(len(pi))[:, None] if contexts is None else contexts
        if named.dim() != 2 or len(named) != len(pi):
            raise InputError(f"contexts {tuple(named.shape)} must be one row for each of the {len(pi)} columns of P")
        mass, shares = P.double(), pi.double()
        one = torch.ones((), dtype=torch.float64)
        if not bool((mass >= 0).all()) or not torch.allclose(mass.sum(0), one, atol=1e-6):
            raise InputError("P: every column must be a distribution (no negative entry, sum 1)")
        if not bool((shares > 0).all()) or not torch.allclose(shares.sum(), one, atol=1e-6):
            raise InputError("pi: every share must be positive, and they must sum to 1")
        rows, indices = (mass.T > 0).nonzero(as_tuple=True)
        return cls(named.long(), _pointers(rows, len(pi)), indices, (mass * shares).T[rows, indices], P.shape[0])

    @property
    def length(self) -> int:
        """Tokens of the longest context, T."""
        return int(self.contexts.shape[1])

    @property
    def nnz(self) -> int:
        """Number of (context, next token) pairs that occur."""
        return int(self.indices.shape[0])

    @property
    def padded(self) -> bool:
        """Whether some context is shorter than T, so that the rows are no rows of tokens to train on."""
        return bool((self.contexts[:, :1] == PAD).any())

    @property
    def support_sizes(self) -> Tensor:
        """(m,) int64: k, how many different tokens follow each context."""
        return self.indptr[1:] - self.indptr[:-1]

    @property
    def rows(self) -> Tensor:
        """(nnz,) int64: the context each entry belongs to."""
        return torch.repeat_interleave(self.support_sizes, output_size=self.nnz)

    @cached_property
    def totals(self) -> Tensor:
        """(m,) float64: how often each context occurs."""
        return torch.zeros(len(self), dtype=torch.float64, device=self.counts.device).index_add(
            0, self.rows, self.counts
        )

    @property
    def samples(self) -> float:
        """How often all contexts occur together, n."""
        return float(self.totals.sum())

    @cached_property
    def weights(self) -> Tensor:
        """(m,) float32: the share of samples that have each context, sums to 1."""
        return (self.totals / self.totals.sum()).float()

    @cached_property
    def probs(self) -> Tensor:
        """(nnz,) float32: probability of each next token after its context; those of a context sum to 1."""
        return (self.counts / self.totals[self.rows]).float()

    @cached_property
    def types(self) -> Tensor:
        """Ids of the tokens that follow some context, ascending int64."""
        return torch.unique(self.indices)

    def entropy(self) -> Tensor:
        """Return the floor of the cross-entropy in nats: mean over samples of the next-token entropy, float64."""
        return -(self.counts * (self.counts / self.totals[self.rows]).log()).sum() / self.totals.sum()

    def shares(self) -> Tensor:
        """Return pi (m,) float64, the share of samples of each context."""
        return self.totals / self.totals.sum()

    def dense(self) -> Tensor:
        """Return P (V, m) float64; column j is the distribution of what follows context j.

        Raises InputError beyond 2^30 entries (8 GiB).
        """
        found = self._empty(torch.float64)
        found[self.indices, self.rows] = self.counts / self.totals[self.rows]
        return found

    def support(self) -> Tensor:
        """Return S (V, m) bool: which tokens follow context j at all. Raises InputError beyond 2^30 entries."""
        found = self._empty(torch.bool)
        found[self.indices, self.rows] = True
        return found

    def compact(self) -> ContextMatrix:
        """Return the same matrix over next-token types alone: token `types[i]` becomes i, and V their number.

        The papers count V this way (arXiv 2408.15417): words and contexts have their own vocabularies.
        """
        renumbered = torch.searchsorted(self.types, self.indices)
        return ContextMatrix(self.contexts, self.indptr, renumbered, self.counts, len(self.types))

    def select(self, index: Tensor) -> ContextMatrix:
        """Return the matrix of the contexts `index` (B,) alone, in that order; shares are of what is kept."""
        entries, _ = self._entries(index)
        indptr = torch.zeros(len(index) + 1, dtype=torch.int64, device=self.indptr.device)
        indptr[1:] = self.support_sizes[index].cumsum(0)
        return ContextMatrix(self.contexts[index], indptr, self.indices[entries], self.counts[entries], self.vocabulary)

    def batch(self, index: Tensor) -> ContextBatch:
        """Slice the contexts `index` (B,) into a batch; weights are left as shares of the whole."""
        entries, rows = self._entries(index)
        return ContextBatch(self.contexts[index], self.weights[index], rows, self.indices[entries], self.probs[entries])

    def full(self) -> ContextBatch:
        """All contexts as one batch, nothing copied."""
        return ContextBatch(self.contexts, self.weights, self.rows, self.indices, self.probs)

    def to(self, device: torch.device | str) -> ContextMatrix:
        """Return the same matrix on another device."""
        contexts, indptr, indices, counts = (
            part.to(device) for part in (self.contexts, self.indptr, self.indices, self.counts)
        )
        moved = ContextMatrix(contexts, indptr, indices, counts, self.vocabulary)
        # Worked out before the move, so that every device trains on the same bits.
        moved.__dict__.update(weights=self.weights.to(device), probs=self.probs.to(device))
        return moved

    def _entries(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Return the places of the entries of contexts `index` (B,), one context after the other, and whose each is."""
        starts, counts = self.indptr[index], self.indptr[index + 1] - self.indptr[index]
        rows = torch.repeat_interleave(counts)
        ends = counts.cumsum(0)
        return torch.arange(len(rows), device=rows.device) + (starts - ends + counts)[rows], rows

    def _empty(self, dtype: torch.dtype) -> Tensor:
        if self.vocabulary * len(self) > DENSE_LIMIT:
            raise InputError(f"a dense matrix of {self.vocabulary} tokens and {len(self)} contexts has more than "
                             f"{DENSE_LIMIT} entries; keep fewer contexts")  # fmt: skip
        return torch.zeros(self.vocabulary, len(self), dtype=dtype, device=self.counts.device)


def _pointers(rows: Tensor, contexts: int) -> Tensor:
    """Return where each context's entries begin and end, (contexts + 1,) int64, from ascending rows (nnz,)."""
    found = torch.zeros(contexts + 1, dtype=torch.int64)
    found[1:] = torch.bincount(rows, minlength=contexts).cumsum(0)
    return found
