"""Eigenpairs and spectral energies of large sparse symmetric operators.

Two questions need two tools, because graphs are full of degenerate eigenvalues (a path-star with d arms repeats
most of its eigenvalues d - 1 times):

- "the k extreme eigenpairs": ARPACK (scipy), then a search of the complement for copies it has stepped over;
- "how much of X lies above a cut": Gauss quadrature. Lanczos started at a column x of X sees the spectral measure
  of x itself, one node per distinct eigenvalue whatever its multiplicity (Golub & Meurant, Matrices, Moments and
  Quadrature, ch. 6), so no member of a block is ever needed. On a path-star with l levels it is exact after 2l - 1
  steps. The Gauss-Radau rule, with a node fixed at the cut, keeps what lies on the cut (graphs with many leaves or
  much symmetry have many eigenvalues lambda = 0) apart from what lies beside it. Lost orthogonality only repeats
  nodes and splits their weight, so nothing is reorthogonalised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal
from scipy.sparse import csc_array, csr_array, diags_array, eye_array
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh, splu

Array = NDArray[np.float64]
Product = Callable[[Array], Array]

COLUMNS = 32
"""Columns iterated together: enough to amortise the sparse product, few enough to stay in cache."""
CHECKS = (8, 16, 32, 64, 128)
"""Steps after which the quadrature is evaluated, and the search ended once it has settled."""
SMALL = 256
"""Operators up to this size are decomposed densely: Lanczos would gain nothing."""


def extreme_eigenpairs(operator: csr_array, k: int, end: Literal["top", "bottom"]) -> tuple[Array, Array]:
    """Return the k largest (descending) or smallest (ascending) eigenvalues of a symmetric operator, and vectors.

    operator: (n, n) sparse symmetric. Result: (k,) and (n, k), orthonormal. Members of a block are some basis of it.
    Deterministic: start vectors come from a fixed seed.
    """
    sign = 1.0 if end == "top" else -1.0
    if operator.shape[0] <= max(SMALL, 2 * k + 2):
        values, vectors = np.linalg.eigh(sign * operator.toarray())
        return sign * values[::-1][:k], vectors[:, ::-1][:, :k]
    signed = csr_array(sign * operator)
    reach = float(abs(signed).sum(axis=1).max())
    try:
        values, vectors = _complete_top(_operator(signed.shape[0], lambda x: signed @ x), k, -2 * reach)
    except ArpackNoConvergence:
        # Crowded ends (long chains): in the inverse about a point just above the spectrum they stand far apart.
        # Such graphs are nearly trees or rings, whose factors stay sparse.
        pole = _upper_bound(signed) + 1e-4 * reach
        factor = splu(csc_array(pole * eye_array(signed.shape[0]) - signed))
        values, vectors = _complete_top(_operator(signed.shape[0], factor.solve), k, 0.0)
        values = pole - 1 / values
    return sign * values, vectors


def distinct_eigenvalues(operator: csr_array, *, steps: int = 120) -> Array:
    """Return Ritz values of Lanczos from one seeded random vector, descending, fully orthogonalised.

    Such a vector meets every distinct eigenvalue once, so when these are fewer than `steps` all are returned, each
    once; otherwise the extreme ones are accurate and those inside the spectrum only a sample of it.
    """
    size = operator.shape[0]
    scale = float(abs(operator).sum(axis=1).max())
    vector = np.random.default_rng(0).standard_normal(size)
    basis = np.zeros((size, 0))
    diagonal: list[float] = []
    beside: list[float] = []
    for _ in range(min(steps, size)):
        vector = vector / np.linalg.norm(vector)
        basis = np.concatenate([basis, vector[:, None]], axis=1)
        vector = operator @ vector
        diagonal.append(float(basis[:, -1] @ vector))
        for _ in range(2):  # once leaves traces of converged vectors, twice is enough
            vector -= basis @ (basis.T @ vector)
        beside.append(float(np.linalg.norm(vector)))
        if beside[-1] <= 1e-10 * scale:
            break
    values = eigh_tridiagonal(np.array(diagonal), np.array(beside[:-1]), eigvals_only=True)
    return np.asarray(values[::-1], dtype=np.float64)


def energy_around(operator: csr_array, table: Array, cuts: Sequence[float]) -> Array:
    """Return for each cut the energy of `table` below, on and above it: sums of |X^T e|^2 over columns of X.

    operator: (n, n) sparse symmetric; table: X (n, m); result (len(cuts), 3), rows sum to |X|^2. No eigenvector is
    computed. Exact where the columns meet at most 128 distinct eigenvalues, or where the cut lies in a gap that the
    steps resolve. Where the spectrum is dense around a cut, an interval of about (its width) / 128 cannot be told from
    the cut; what it holds falls with the steps as 1 / steps, by which it is extrapolated away, half to either side.
    """
    total = np.zeros((len(cuts), 3))
    for start in range(0, table.shape[1], COLUMNS):
        total += _energy_of_columns(operator, table[:, start : start + COLUMNS], np.asarray(cuts))
    return total


def _energy_of_columns(operator: csr_array, table: Array, cuts: Array) -> Array:
    """Run Lanczos on every column at once and read its quadrature at the steps of CHECKS."""
    squares = np.einsum("ij,ij->j", table, table)
    scale = float(abs(operator).sum(axis=1).max())
    current = table / np.sqrt(np.where(squares > 0, squares, 1.0))
    previous = np.zeros_like(current)
    beta = np.zeros(len(squares))
    diagonal: list[Array] = []
    beside: list[Array] = []
    history: list[Array] = []
    for step in range(1, CHECKS[-1] + 1):
        following = operator @ current
        alpha = np.einsum("ij,ij->j", current, following)
        following -= alpha * current
        following -= beta * previous
        beta = np.sqrt(np.einsum("ij,ij->j", following, following))
        # A column whose remainder is rounding error has met all its eigenvalues: it stands still from here on.
        beta[beta <= 1e-11 * scale] = 0.0
        diagonal.append(alpha)
        beside.append(beta)
        if step in CHECKS or not beta.any():
            history.append(_radau(np.stack(diagonal), np.stack(beside), squares, cuts, scale))
            if not beta.any() or (len(history) > 1 and _settled(history[-1], history[-2])):
                return history[-1]
        previous = current
        current = following * np.where(beta > 0, 1 / np.where(beta > 0, beta, 1.0), 0.0)
    last, half_way = history[-1], history[-2]
    on = np.clip(2 * last[:, 1] - half_way[:, 1], 0.0, last[:, 1])
    beyond = (last[:, 1] - on) / 2
    return np.stack([last[:, 0] + beyond, on, last[:, 2] + beyond], axis=1)


def _settled(now: Array, before: Array) -> bool:
    return bool(np.all(abs(now - before) <= 1e-6 * now.sum(axis=1, keepdims=True)))


def _radau(diagonal: Array, beside: Array, squares: Array, cuts: Array, scale: float) -> Array:
    """Energy below, on and above each cut from the (steps, columns) coefficients of the tridiagonal matrices.

    One more row is put to each matrix so that the cut becomes an eigenvalue (Golub & Meurant, section 6.2).
    """
    steps, columns = diagonal.shape
    matrices = np.zeros((columns, steps + 1, steps + 1))
    index = np.arange(steps)
    matrices[:, index, index] = diagonal.T
    matrices[:, index + 1, index] = beside.T  # eigh reads the lower triangle
    nodes, vectors = np.linalg.eigh(matrices[:, :steps, :steps])
    result = np.zeros((len(cuts), 3))
    for row, cut in enumerate(cuts):
        away = nodes - cut
        away = np.where(abs(away) < 1e-13 * scale, np.copysign(1e-13 * scale, away), away)
        matrices[:, steps, steps] = cut + beside[-1] ** 2 * (vectors[:, -1, :] ** 2 / away).sum(axis=1)
        places, bases = np.linalg.eigh(matrices)
        weights = squares[:, None] * bases[:, 0, :] ** 2
        side = np.where(abs(places - cut) <= 1e-9 * scale, 0, np.sign(places - cut))
        result[row] = [float(weights[side == which].sum()) for which in (-1, 0, 1)]
    return result


def _complete_top(operator: LinearOperator, k: int, floor: float) -> tuple[Array, Array]:
    """Find the k largest eigenpairs, then look for larger ones in the complement until there are none.

    A Krylov space holds one vector per distinct eigenvalue, so ARPACK may step over copies; a fresh random start in
    the complement of what was found cannot. What was found is moved to `floor`, at or below all other eigenvalues.
    """
    generator = np.random.default_rng(0)
    values, vectors = _arpack(operator, k, generator)
    for _ in range(k):
        deflated = _operator(operator.shape[0], _deflate(operator, values - floor, vectors))
        value, vector = _arpack(deflated, 1, generator)
        if value[0] <= values[-1] + 1e-9 * max(abs(values[0]), abs(floor)):
            break
        vector -= vectors @ (vectors.T @ vector)
        values = np.concatenate([values, value])
        vectors = np.concatenate([vectors, vector / np.linalg.norm(vector)], axis=1)
        order = np.argsort(-values, kind="stable")[:k]
        values, vectors = values[order], vectors[:, order]
    return values, vectors


def _deflate(operator: LinearOperator, drop: Array, known: Array) -> Product:
    return lambda x: operator @ x - known @ (drop * (known.T @ x))


def _operator(size: int, product: Product) -> LinearOperator:
    return LinearOperator((size, size), matvec=product, dtype=np.float64)


def _arpack(operator: LinearOperator, k: int, generator: np.random.Generator) -> tuple[Array, Array]:
    """Call ARPACK for the k largest eigenvalues, descending. Raises ArpackNoConvergence."""
    size = operator.shape[0]
    start = generator.standard_normal(size)
    basis = min(size, max(4 * k, 40))
    values, vectors = eigsh(operator, k=k, which="LA", v0=start, ncv=basis, tol=1e-10, maxiter=100)
    order = np.argsort(-values, kind="stable")
    return values[order], vectors[:, order]


def _upper_bound(operator: csr_array) -> float:
    """Return a close upper bound of the largest eigenvalue: Gershgorin's, scaled by a positive vector."""
    diagonal = operator.diagonal()
    size = abs(operator - diags_array(diagonal))
    weights = np.ones(operator.shape[0])
    for _ in range(50):
        # Adding a multiple of the vector itself keeps the iteration from swinging on bipartite graphs.
        weights = size @ weights + (diagonal - diagonal.min() + 1.0) * weights
        weights /= weights.max()
        weights = np.maximum(weights, 1e-6)
    return float((diagonal + (size @ weights) / weights).max())
