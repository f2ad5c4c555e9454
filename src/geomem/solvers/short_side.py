"""Singular values of a table through the Gram matrix of its shorter side, and the exact ones for the last word."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, eigvalsh, svdvals

Floats = NDArray[Any]
"""A numpy array of float32 or float64."""

ROWS = 4096
"""Rows that are turned into float64 at once."""


class ShortSide:
    """Eigenpairs of A^T A or A A^T of a table A (n, V), whichever is smaller; a product costs n V min(n, V).

    values: (r,) float64 >= 0, the singular values, ascending; r = min(n, V). Those below about 1e-8 of the largest are
    noise, since a Gram matrix squares them.
    """

    def __init__(self, table: Floats) -> None:
        self.wide = table.shape[0] >= table.shape[1]
        squares, self.vectors = eigh(_gram(table), driver="evd", overwrite_a=True, check_finite=False)
        self.values = np.sqrt(np.maximum(squares.astype(np.float64), 0))

    def apply(self, table: Floats, factors: NDArray[np.float64]) -> Floats:
        """Return the table with its singular values multiplied by `factors` (r,)."""
        middle = ((self.vectors * factors) @ self.vectors.T).astype(table.dtype)
        return table @ middle if self.wide else middle @ table

    def polar(self, table: Floats) -> Floats:
        """Return U V^T of the compact decomposition: every singular value above noise becomes 1, the others 0."""
        return self.apply(table, self.inverses())

    def inverses(self) -> NDArray[np.float64]:
        """Return (r,) one over each singular value, 0 for noise."""
        real = self.values > 1e-7 * self.values[-1]
        return np.divide(1.0, self.values, out=np.zeros_like(self.values), where=real)


def nuclear_norm(table: Floats, *, exact: bool = True) -> float:
    """Return the sum of the singular values; not `exact`: by a float64 Gram matrix, faster, right to about 1e-8."""
    if exact:
        return float(svdvals(table, check_finite=False).sum())
    return float(np.sqrt(np.maximum(eigvalsh(_double_gram(table), check_finite=False), 0)).sum())


def spectral_norm(table: Floats) -> float:
    """Return the largest singular value, right to rounding."""
    gram = _gram(table)
    top = len(gram) - 1
    try:
        squares = eigvalsh(gram, subset_by_index=(top, top), check_finite=False)
    except np.linalg.LinAlgError:
        # LAPACK may fail to single out one of many eigenvalues that are equal to rounding, as those of a polar factor.
        squares = eigvalsh(gram, check_finite=False)
    return float(np.sqrt(squares[-1]))


def _gram(table: Floats) -> Floats:
    return table.T @ table if table.shape[0] >= table.shape[1] else table @ table.T


def _double_gram(table: Floats) -> NDArray[np.float64]:
    """Return the Gram matrix in float64: in float32 every vanishing singular value would add its noise to a sum."""
    if table.dtype == np.float64 or table.shape[0] < table.shape[1]:
        return _gram(table.astype(np.float64, copy=False))
    total = np.zeros((table.shape[1], table.shape[1]))
    for first in range(0, len(table), ROWS):
        part = table[first : first + ROWS].astype(np.float64)
        total += part.T @ part
    return total
