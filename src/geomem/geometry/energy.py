"""Fiedler energy and zig-zag energy: the two ends of the spectrum as two numbers.

Geometric solutions of arXiv 2510.26745 (Section 4) put their energy on the Fiedler block, the leading non-trivial
eigenvectors of -L; zig-zag solutions (neighbours get opposite signs) put it on eigenvectors with lambda < 0, where
lambda = eigenvalue of W + W^T. Trivial vectors, one per connected component (the component's leading vector), are left
out of numerator and denominator. Components are treated one by one, each with its own Fiedler block.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from geomem.geometry.lanczos import distinct_eigenvalues, energy_around, extreme_eigenpairs
from geomem.geometry.laplacian import TIE, component_labels, laplacian_operator
from geomem.geometry.measurement import Measurement
from geomem.geometry.neighbours import check_edges

Array = NDArray[np.float64]

DENSE_COMPONENT = 1000
"""Components up to this size are decomposed in full (under a second each)."""
ZERO = -2.0
"""Eigenvalue of -L where lambda = 0."""
CONTROL_ENTRIES = 400_000
"""Size of the Gaussian table on which the chance shares of a large component are measured."""
EXPLICIT = 8
"""Extreme eigenvectors computed; a Fiedler block that fills them all is measured by quadrature instead."""


@dataclass(frozen=True)
class Energies:
    """Energy (sum of squared projections) of the embeddings, by part of the spectrum.

    whole: |X|^2. trivial, fiedler, zigzag: on the trivial vectors, the Fiedler blocks, and lambda < 0.
    fiedler_chance, zigzag_chance: share of the non-trivial directions that belong to each, which is the share that
    random vectors get. A Fiedler block can itself have lambda < 0 (complete graphs); it then counts in both.
    """

    whole: float
    trivial: float
    fiedler: float
    zigzag: float
    fiedler_chance: float
    zigzag_chance: float

    @property
    def fiedler_share(self) -> float:
        """Share of the non-trivial energy on the Fiedler blocks; 0 when there is no non-trivial energy."""
        return self._share(self.fiedler)

    @property
    def zigzag_share(self) -> float:
        """Share of the non-trivial energy on lambda < 0; 0 when there is no non-trivial energy."""
        return self._share(self.zigzag)

    def _share(self, part: float) -> float:
        rest = self.whole - self.trivial
        return part / rest if rest > 1e-12 * self.whole else 0.0


def spectral_energies(embeddings: Float[Tensor, "n m"], edges: Int[Tensor, "e 2"]) -> Energies:
    """Measure trivial, Fiedler and zig-zag energy of the embeddings on the graph of `edges` (directions do not matter).

    Components of up to 1000 nodes exactly; larger ones by Lanczos, where the Fiedler block may have any multiplicity
    and the zig-zag share is good to a few 1e-3 (exact where few eigenvalues are distinct, as on stars). For those the
    chance shares are measured on seeded Gaussian columns. What depends on the graph alone is kept between calls.
    Raises InputError for edges outside the embeddings' rows.
    """
    check_edges(edges, len(embeddings))
    table = embeddings.detach().double().cpu().numpy()
    pairs = np.ascontiguousarray(edges.detach().cpu().numpy().astype(np.int64))
    parts = _prepare(pairs.tobytes(), len(table))
    sums = np.zeros(3)
    shares = np.zeros(2)
    for part in parts:
        sums += part.energies(table[part.nodes])
        shares += part.chance * (len(part.nodes) - 1)
    free = sum(len(part.nodes) - 1 for part in parts)
    chance = shares / max(1, free)
    whole = float(np.square(table).sum())
    trivial, fiedler, zigzag = (float(part) for part in sums)
    return Energies(whole, trivial, fiedler, zigzag, float(chance[0]), float(chance[1]))


def measure_eigen_energy(embeddings: Float[Tensor, "n m"], edges: Int[Tensor, "e 2"]) -> dict[str, float]:
    """Return Fiedler and zig-zag share of the non-trivial energy, each beside chance, and the trivial share of all."""
    found = spectral_energies(embeddings, edges)
    return {
        "fiedler": found.fiedler_share,
        "fiedler_chance": found.fiedler_chance,
        "zigzag": found.zigzag_share,
        "zigzag_chance": found.zigzag_chance,
        "trivial": found.trivial / found.whole if found.whole > 0 else 0.0,
    }


@dataclass(frozen=True)
class _Component:
    """What the energies of one connected component need and the embeddings do not change.

    basis: (n, j) the trivial vector, then Fiedler vectors (`leading` in all), then those with lambda < 0.
    operator, cuts: of a large component, whose zig-zag energy (and Fiedler energy, if there are two cuts) is not read
    from the basis but by quadrature around the cuts.
    """

    nodes: NDArray[np.int64]
    basis: Array
    leading: int
    chance: Array
    operator: csr_array | None = None
    cuts: tuple[float, ...] = ()

    def energies(self, table: Array) -> Array:
        """Return (trivial, fiedler, zigzag) energy of the component's rows of the table."""
        onto = self.basis.T @ table
        squares = np.square(onto).sum(axis=1)
        result = np.array([squares[0], squares[1 : self.leading].sum(), squares[self.leading :].sum()])
        if self.operator is not None:
            rest = table - self.basis[:, :1] * onto[0]
            around = energy_around(self.operator, rest, self.cuts)
            result[2] = around[0, 0]
            if len(self.cuts) > 1:
                result[1] = around[1, 2]
        return result


@functools.lru_cache(maxsize=4)
def _prepare(pairs: bytes, num_nodes: int) -> tuple[_Component, ...]:
    edges = torch.from_numpy(np.frombuffer(pairs, dtype=np.int64).reshape(-1, 2).copy())
    operator = laplacian_operator(edges, num_nodes)
    labels = component_labels(edges, num_nodes).numpy()
    order = np.argsort(labels, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    return tuple(_component(nodes, operator) for nodes in members)


def _component(nodes: NDArray[np.int64], whole: csr_array) -> _Component:
    operator = csr_array(whole[nodes][:, nodes])
    if len(nodes) > DENSE_COMPONENT:
        return _large_component(nodes, operator)
    values, basis = np.linalg.eigh(operator.toarray())
    values, basis = values[::-1], basis[:, ::-1]
    rest = values[1:]
    count = int((rest >= rest[0] - TIE).sum()) if len(rest) else 0
    negative = 1 + np.flatnonzero(rest < ZERO - TIE)
    chance = np.array([count, len(negative)]) / max(1, len(rest))
    kept = np.concatenate([basis[:, : 1 + count], basis[:, negative]], axis=1)
    return _Component(nodes, kept, 1 + count, chance)


def _large_component(nodes: NDArray[np.int64], operator: csr_array) -> _Component:
    values, vectors = extreme_eigenpairs(operator, EXPLICIT, "top")
    count = int((values[1:] >= values[1] - TIE).sum())
    # The fewer the nodes, the more columns a share needs to be known to about one part in two hundred.
    columns = min(512, max(32, CONTROL_ENTRIES // len(nodes)))
    control = np.random.default_rng(0).standard_normal((len(nodes), columns))
    control -= np.outer(vectors[:, 0], vectors[:, 0] @ control)
    if count < EXPLICIT - 1:
        basis, cuts = vectors[:, : 1 + count], (ZERO,)
    else:
        basis, cuts = vectors[:, :1], (ZERO, _below_block(operator, float(values[1])))
    part = _Component(nodes, basis, basis.shape[1], np.zeros(2), operator, cuts)
    measured = part.energies(control)[1:] / np.square(control).sum()
    if len(cuts) == 1:
        measured[0] = count / (len(nodes) - 1)
    return _Component(nodes, basis, part.leading, measured, operator, cuts)


def _below_block(operator: csr_array, value: float) -> float:
    """Return a cut half way between a block at `value` and the next distinct eigenvalue below it."""
    distinct = distinct_eigenvalues(operator)
    return 0.5 * (value + float(distinct[distinct < value - TIE].max()))


EIGEN_ENERGY = Measurement(
    name="eigen-energy",
    function=measure_eigen_energy,
    source="arXiv 2510.26745, Section 4 (Fiedler-like span; zig-zag of untied models)",
    chance="the share of eigen-directions (keys fiedler_chance, zigzag_chance), which random vectors get",
)
