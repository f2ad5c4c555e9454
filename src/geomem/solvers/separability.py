"""Whether fixed context embeddings can be decoded with a margin at all: a linear program."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import bmat, csr_array, vstack
from torch import Tensor

from geomem.solvers.log_odds import fixed_embeddings
from geomem.solvers.support_columns import SupportColumns, support_rows


def separable(embeddings: Tensor, support: Tensor) -> bool:
    """Return whether a decoder W (V, d) keeps every margin of the supports (V, m) on the embeddings H (d, m).

    True at once where the m embeddings are linearly independent. Otherwise a sparse linear program with V d + m
    unknowns and V m constraints (HiGHS), which is for thousands of constraints, not for millions.
    Raises InputError for shapes that do not fit and for empty supports.
    """
    rows = support_rows(support)
    columns = SupportColumns.from_rows(rows, np.ones(len(rows)))
    return rows_separable(columns, rows, fixed_embeddings(embeddings, len(rows)))


def rows_separable(columns: SupportColumns, rows: NDArray[np.bool_], embeddings: NDArray[np.float64]) -> bool:
    """Decide the same for supports as rows (m, V) and embeddings (d, m)."""
    if (columns.sizes == columns.vocabulary).all():
        return True
    if np.linalg.matrix_rank(embeddings) == len(rows):
        return True
    return _largest_margin(rows, embeddings) > 0.5


def _largest_margin(rows: NDArray[np.bool_], embeddings: NDArray[np.float64]) -> float:
    """Return the largest common margin, at most 1; scaling a decoder makes it 0 or 1.

    Unknowns: the decoder, token after token (V d), the level of each context (m), the margin. On a support the logit
    equals the level; off it, logit - level + margin <= 0.
    """
    (contexts, vocabulary), width = rows.shape, embeddings.shape[0]
    unknowns = vocabulary * width + contexts + 1
    scaled = embeddings / max(float(np.abs(embeddings).max()), np.finfo(np.float64).tiny)
    parts: dict[bool, csr_array] = {}
    for inside in (True, False):
        places, tokens = np.nonzero(rows == inside)
        lines = np.arange(len(places))
        logit = csr_array(
            (scaled.T[places].ravel(), (np.repeat(lines, width), (tokens[:, None] * width + np.arange(width)).ravel())),
            shape=(len(lines), vocabulary * width),
        )
        level = csr_array((-np.ones(len(lines)), (lines, places)), shape=(len(lines), contexts))
        margin = csr_array(np.full((len(lines), 1), 0.0 if inside else 1.0))
        parts[inside] = csr_array(bmat([[logit, level, margin]]))
    table = csr_array(vstack([parts[True], parts[False]]))
    lowest = np.r_[np.zeros(parts[True].shape[0]), np.full(parts[False].shape[0], -np.inf)]
    cost, low, high = np.zeros(unknowns), np.full(unknowns, -np.inf), np.full(unknowns, np.inf)
    cost[-1], low[-1], high[-1] = -1.0, 0.0, 1.0
    found = milp(cost, constraints=LinearConstraint(table, lowest, np.zeros(len(lowest))), bounds=Bounds(low, high))
    if found.status != 0:
        raise RuntimeError(f"HiGHS did not solve the separability program: {found.message}")
    return -float(found.fun)
