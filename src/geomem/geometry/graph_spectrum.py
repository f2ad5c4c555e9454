"""How much of the embeddings lies on each eigenvector of the graph (spectral bias).

Source: arXiv 2510.26745, Section 4, Fig. 7 and the eigen-projection bars of the released code. p_i = |X^T e_i|.
A single eigenvector inside a degenerate eigenvalue (star: d-1 fold, cycle: pairs) is arbitrary, and so is its p_i;
what is defined is the block: the root of the summed p_i^2 over all members.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.lanczos import extreme_eigenpairs
from geomem.geometry.laplacian import TIE, component_labels, laplacian_operator
from geomem.geometry.measurement import Measurement

DENSE_LIMIT = 4096
"""Nodes up to which a full eigen-decomposition is reasonable (half a minute on one core, 130 MB)."""


@dataclass(frozen=True)
class EigenProjections:
    """Eigenvectors of -L and the length of the embeddings on each, by descending eigenvalue.

    values: (k,) eigenvalues of -L; those of W + W^T are 2 larger. norms: (k,) |X^T e_i|.
    trivial: (k,) the leading vector of each connected component. vectors: (N, k).
    """

    values: Float[Tensor, " k"]
    norms: Float[Tensor, " k"]
    trivial: Bool[Tensor, " k"]
    vectors: Float[Tensor, "n k"]


@dataclass(frozen=True)
class Blocks:
    """Non-trivial eigenvalues, ties taken together, descending.

    values: (b,) mean eigenvalue of -L. sizes: (b,) number of eigenvectors. norms: (b,) |X^T E| over the block E,
    which no choice of basis, node numbering or rotation of the columns of X changes.
    """

    values: Float[Tensor, " b"]
    sizes: Int[Tensor, " b"]
    norms: Float[Tensor, " b"]

    @property
    def per_direction(self) -> Float[Tensor, " b"]:
        """Root mean square of |X^T e| over the block: what a bar of any basis shows on average."""
        return self.norms / self.sizes.double().sqrt()


def eigen_projections(
    embeddings: Float[Tensor, "n m"], edges: Int[Tensor, "e 2"], *, k: int | None = None
) -> EigenProjections:
    """Project the embeddings on the eigenvectors of -L: all of them, or the first and the last k.

    k=None decomposes densely, component by component, so that each vector lives on one component and trivial vectors
    are told apart. With k (1 <= k <= N/2), Lanczos finds the k largest and k smallest eigenvalues of a large sparse
    graph; copies of a degenerate eigenvalue are not missed, but its block may be cut off at k.
    Raises InputError for edges outside the embeddings' rows, or a dense problem of more than `DENSE_LIMIT` nodes.
    """
    count = len(embeddings)
    table = embeddings.detach().double().cpu().numpy()
    if k is None:
        values, vectors, trivial = dense_eigenbasis(edges, count)
    else:
        if not 1 <= k <= count // 2:
            raise InputError(f"k: must be from 1 to half the number of nodes, {count // 2}, got {k}")
        operator = laplacian_operator(edges, count)
        top, bottom = (extreme_eigenpairs(operator, k, end) for end in ("top", "bottom"))
        values = np.concatenate([top[0], bottom[0][::-1]])
        vectors = np.concatenate([top[1], bottom[1][:, ::-1]], axis=1)
        trivial = _perron_like(vectors, component_labels(edges, count).numpy())
    norms = np.linalg.norm(table.T @ vectors, axis=0)
    parts = (torch.from_numpy(np.ascontiguousarray(part)) for part in (values, norms, trivial, vectors))
    return EigenProjections(*parts)


def dense_eigenbasis(
    edges: Int[Tensor, "e 2"], num_nodes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return (values (N,) descending, vectors (N, N), trivial (N,)) of -L, each vector on one component."""
    if num_nodes > DENSE_LIMIT:
        raise InputError(
            f"a dense spectrum of {num_nodes} nodes is too large (limit {DENSE_LIMIT}); give k for Lanczos"
        )
    operator = laplacian_operator(edges, num_nodes).toarray()
    labels = component_labels(edges, num_nodes).numpy()
    values, vectors = np.zeros(num_nodes), np.zeros((num_nodes, num_nodes))
    trivial = np.zeros(num_nodes, dtype=np.bool_)
    filled = 0
    for label in range(labels.max() + 1):
        nodes = np.flatnonzero(labels == label)
        found, basis = np.linalg.eigh(operator[np.ix_(nodes, nodes)])
        columns = np.arange(filled, filled + len(nodes))
        values[columns], trivial[filled] = found[::-1], True
        vectors[np.ix_(nodes, columns)] = basis[:, ::-1]
        filled += len(nodes)
    order = np.argsort(-values, kind="stable")
    return values[order], vectors[:, order], trivial[order]


def blocks(projections: EigenProjections, *, tolerance: float = TIE) -> Blocks:
    """Take ties together: eigenvalues nearer than `tolerance` are one block; trivial vectors are left out."""
    keep = ~projections.trivial
    values, energy = projections.values[keep], projections.norms[keep].square()
    number = torch.zeros(len(values), dtype=torch.int64)
    number[1:] = (values[:-1] - values[1:] > tolerance).cumsum(0)
    count = int(number.max()) + 1 if len(values) else 0
    sizes = torch.bincount(number, minlength=count)

    def total(part: Tensor) -> Tensor:
        return torch.zeros(count, dtype=torch.float64).index_add(0, number, part)

    return Blocks(total(values) / sizes, sizes, total(energy).sqrt())


@dataclass(frozen=True)
class Bars:
    """The two rows of bars of the released eigen-projection plot, each divided by its largest: (N - 1,)."""

    eigenvalues: Float[Tensor, " b"]
    projections: Float[Tensor, " b"]


def release_bars(embeddings: Float[Tensor, "n m"], edges: Int[Tensor, "e 2"]) -> Bars:
    """Draw exactly the recipe of the released plots (arXiv 2510.26745, released code).

    Eigenvalues lambda of W + W^T descend; the first is dropped, one only, also when there are more components; lambda
    and p are divided by their largest. Within a tie (lambda rounded to 1e-5) larger p come first where lambda >= 0
    and smaller p first where lambda < 0. In a tie the single p depend on the basis that the eigen-solver happens to
    return; `blocks` is the version that does not. A largest value of 0 leaves its row undivided.
    """
    if len(embeddings) > DENSE_LIMIT:
        raise InputError(f"release_bars: {len(embeddings)} nodes are too many for a bar each (limit {DENSE_LIMIT})")
    values, vectors = np.linalg.eigh(laplacian_operator(edges, len(embeddings)).toarray())
    values = values[::-1] + 2
    norms = np.linalg.norm(embeddings.detach().double().cpu().numpy().T @ vectors[:, ::-1], axis=0)
    values, norms = values[1:], norms[1:]
    rounded = np.round(values / TIE)
    order = np.lexsort((np.where(rounded >= 0, -norms, norms), -rounded))
    return Bars(_by_largest(values[order]), _by_largest(norms[order]))


def concentration(found: Blocks, share: float = 0.9) -> int:
    """Return how many eigen-directions hold `share` of the non-trivial energy, fullest blocks (per direction) first.

    A block counts by as many of its directions as are needed if its energy is spread evenly over them.
    """
    order = found.per_direction.argsort(descending=True)
    per_direction = torch.repeat_interleave(found.per_direction[order].square(), found.sizes[order])
    reached = per_direction.cumsum(0) < share * per_direction.sum() * (1 - 1e-12)
    return int(reached.sum()) + 1


def measure_eigen_concentration(embeddings: Float[Tensor, "n m"], edges: Int[Tensor, "e 2"]) -> dict[str, float]:
    """Return the number of non-trivial eigen-directions that hold 90 % of the energy, and their share of all.

    Dense: raises InputError above `DENSE_LIMIT` nodes.
    """
    found = blocks(eigen_projections(embeddings, edges))
    needed, available = concentration(found), int(found.sizes.sum())
    return {"directions": float(needed), "share": needed / available, "share_chance": 0.9}


def _by_largest(row: NDArray[np.float64]) -> Tensor:
    largest = abs(row.max())
    return torch.from_numpy(np.ascontiguousarray(row / largest if largest > 0 else row))


def _perron_like(vectors: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which vectors are leading vectors of components: of one sign wherever they are not zero.

    Only for Lanczos vectors. Others are orthogonal to a positive vector of each component and so change sign there.
    """
    trivial = np.zeros(vectors.shape[1], dtype=np.bool_)
    for column, vector in enumerate(vectors.T):
        per_component = np.bincount(labels, weights=vector) ** 2
        inside = np.bincount(labels, weights=np.abs(vector)) ** 2
        trivial[column] = bool(per_component.sum() >= (1 - 1e-6) * inside.sum())
    return trivial


EIGEN_CONCENTRATION = Measurement(
    name="eigen-concentration",
    function=measure_eigen_concentration,
    source="arXiv 2510.26745, eigen-projection bars",
    chance="random vectors need nine tenths of all directions (key share_chance)",
)
