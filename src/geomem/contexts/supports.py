"""Which tokens can follow which context: support patterns, their overlaps and the centred support (arXiv 2408.15417).

The theory's directional part sees the 0/1 support alone, and contexts with one support share one direction. So it is
enough to know each different support and how many contexts have it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, svds
from torch import Tensor

from geomem.contexts.matrix import ContextMatrix
from geomem.errors import InputError
from geomem.seeding import numpy_generator

EXACT_ENTRIES = 1_000_000
"""Up to this many entries the centred support is decomposed as a dense matrix (about a second)."""

LARGEST_GRAM = 1 << 14
"""Most distinct supports whose overlaps are written out (1 GiB in int32)."""


@dataclass(frozen=True)
class SupportPatterns:
    """The different supports of a matrix, u of them, in the order in which contexts first have them.

    indptr: (u + 1,) int64, indices: (nnz_u,) int64, tokens of each, ascending. multiplicity: (u,) int64, contexts that
    have it. pattern: (m,) int64, which one each context has. vocabulary: V.
    """

    indptr: Tensor
    indices: Tensor
    multiplicity: Tensor
    pattern: Tensor
    vocabulary: int

    def __len__(self) -> int:
        return len(self.multiplicity)

    @property
    def sizes(self) -> Tensor:
        """(u,) int64: tokens in each support."""
        return self.indptr[1:] - self.indptr[:-1]

    def dense(self) -> Tensor:
        """Return the distinct supports as columns: (V, u) bool."""
        found = torch.zeros(self.vocabulary, len(self), dtype=torch.bool)
        found[self.indices, torch.repeat_interleave(self.sizes)] = True
        return found

    def sparse(self) -> scipy.sparse.csc_array:
        """Return the same as a sparse float64 matrix (V, u)."""
        values = np.ones(len(self.indices))
        return scipy.sparse.csc_array(
            (values, self.indices.numpy(), self.indptr.numpy()), shape=(self.vocabulary, len(self))
        )


def support_patterns(matrix: ContextMatrix) -> SupportPatterns:
    """Find the different supports: contexts are grouped by size and hash, and each is then compared with its group.

    The comparison is exact. Contexts that only share a hash with their group are grouped again with another one.
    """
    sizes, indptr, indices = matrix.support_sizes.numpy(), matrix.indptr.numpy(), matrix.indices.numpy()
    representative = np.full(len(matrix), -1)
    left, salt = np.arange(len(matrix)), 0
    while len(left):
        keys = np.stack([sizes[left].astype(np.uint64), _hashes(indices, indptr, salt)[left]])
        order = np.lexsort(keys[::-1])
        new = np.ones(len(left), np.bool_)
        new[1:] = (keys[:, order[1:]] != keys[:, order[:-1]]).any(0)
        # The sort is stable, so the first of a group is its first context.
        candidate = np.empty(len(left), np.int64)
        candidate[order] = left[order][np.maximum.accumulate(np.where(new, np.arange(len(left)), 0))]
        same = _same_support(left, candidate, sizes, indptr, indices)
        representative[left[same]] = candidate[same]
        left, salt = left[~same], salt + 1
    firsts, pattern, multiplicity = np.unique(representative, return_inverse=True, return_counts=True)
    chosen = matrix.select(torch.from_numpy(firsts))
    return SupportPatterns(
        chosen.indptr,
        chosen.indices,
        torch.from_numpy(multiplicity),
        torch.from_numpy(pattern),
        matrix.vocabulary,
    )


def overlaps(patterns: SupportPatterns) -> Tensor:
    """Return (u, u) int64, the tokens that each two distinct supports share; the diagonal holds their sizes.

    Raises InputError beyond 16 384 distinct supports.
    """
    if len(patterns) > LARGEST_GRAM:
        raise InputError(f"{len(patterns)} distinct supports are too many to compare each with each "
                         f"(limit {LARGEST_GRAM}); keep fewer contexts")  # fmt: skip
    support = patterns.sparse()
    return torch.from_numpy((support.T @ support).toarray()).round().long()


def centred_support(patterns: SupportPatterns) -> Tensor:
    """Return (I - 11^T/V) S over distinct supports, (V, u) float64: 1 - k/V in a support of k tokens, -k/V outside.

    arXiv 2408.15417: where contexts run over all k-subsets this is the solution of the NTP-SVM; elsewhere a proxy.
    """
    support = patterns.dense().double()
    return support - support.mean(0)


@dataclass(frozen=True)
class CentredSVD:
    """Leading singular triples of the centred support of all m contexts, (I - 11^T/V) S.

    words: (V, r) float64, left vectors; values: (r,) descending; supports: (u, r), right vectors of distinct supports:
    a context of support i has row i of it, and m of them make unit columns. exact: whether all triples were worked out
    densely. nuclear_norm: the sum of all singular values, or None when only the leading ones are known.
    """

    words: Tensor
    values: Tensor
    supports: Tensor
    exact: bool
    nuclear_norm: float | None

    def contexts(self, patterns: SupportPatterns) -> Tensor:
        """Return the right vectors of all contexts, (m, r) float64."""
        return self.supports[patterns.pattern]


def centred_svd(patterns: SupportPatterns, count: int, *, seed: int = 0) -> CentredSVD:
    """Return the `count` leading singular triples (fewer where the matrix has fewer).

    Equal supports are kept together: the singular values and left vectors are those of the distinct centred supports,
    each multiplied by the square root of its multiplicity. Dense up to a million entries; beyond, by Lanczos iteration
    (ARPACK, to about 1e-8 of the largest value) on products with the sparse support, which is never centred in memory.
    Raises InputError for a count below 1.
    """
    if count < 1:
        raise InputError(f"singular values: at least 1, got {count}")
    size, distinct = patterns.vocabulary, len(patterns)
    scale = patterns.multiplicity.double().sqrt()
    smaller = min(size, distinct)
    exact = size * distinct <= EXACT_ENTRIES or count >= smaller
    if exact:
        left, values, right = torch.linalg.svd(centred_support(patterns) * scale, full_matrices=False)
        nuclear = float(values.sum())
        left, values, right = left[:, :count], values[:count], right.T[:, :count]
    else:
        left, values, right = _leading(patterns.sparse() @ scipy.sparse.diags_array(scale.numpy()), count, seed)
        nuclear = None
    return CentredSVD(left, values, right / scale[:, None], exact, nuclear)


def _leading(support: scipy.sparse.csc_array, count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the leading left vectors, values and right vectors of a sparse matrix centred over its rows."""
    rows = support.tocsr()
    means = np.asarray(rows.sum(0)).ravel() / rows.shape[0]
    transposed = rows.T.tocsr()

    def forward(vector: NDArray[np.float64]) -> NDArray[np.float64]:
        flat = vector.ravel()
        return rows @ flat - means @ flat

    def backward(vector: NDArray[np.float64]) -> NDArray[np.float64]:
        flat = vector.ravel()
        return transposed @ flat - means * flat.sum()

    operator = LinearOperator(rows.shape, matvec=forward, rmatvec=backward, dtype=np.float64)
    start = numpy_generator(seed, "contexts", "svd").standard_normal(min(rows.shape))
    left, values, right = svds(operator, k=count, v0=start)
    order = np.argsort(values)[::-1]
    parts = (left[:, order], values[order], right[order].T)
    found = [torch.from_numpy(np.ascontiguousarray(part)) for part in parts]
    return found[0], found[1], found[2]


def _hashes(indices: NDArray[np.int64], indptr: NDArray[np.int64], salt: int) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each context's set of tokens: the sum of its tokens' own (splitmix64)."""
    mixed = indices.astype(np.uint64) + np.uint64((0x9E3779B97F4A7C15 * (salt + 1)) % (1 << 64))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.add.reduceat(mixed ^ (mixed >> np.uint64(31)), indptr[:-1])


def _same_support(
    one: NDArray[np.int64],
    other: NDArray[np.int64],
    sizes: NDArray[np.int64],
    indptr: NDArray[np.int64],
    indices: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return (n,) whether contexts `one` and `other` (n,), of equal support sizes, have one support."""
    lengths = sizes[one]
    starts = np.concatenate([[0], lengths.cumsum()[:-1]])
    within = np.arange(int(lengths.sum())) - np.repeat(starts, lengths)
    equal = indices[np.repeat(indptr[one], lengths) + within] == indices[np.repeat(indptr[other], lengths) + within]
    return np.logical_and.reduceat(equal, starts)
