"""NTP-SVM as a generic conic program, written for CVXPY with two matrix constraints: the peer of geomem's solvers."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Conic:
    """What CVXPY found: logits (V, m) or a decoder (V, d), its value and the solver's own word for how it ended."""

    table: np.ndarray
    value: float
    status: str


def nuclear(support: np.ndarray, counts: np.ndarray | None = None, solver: str = "CLARABEL", **options: Any) -> Conic:
    """Minimise ||L diag(sqrt c)||_* over the margins of a support (V, m)."""
    import cvxpy as cp

    logits = cp.Variable(support.shape)
    weighted = logits if counts is None else logits @ np.diag(np.sqrt(counts))
    return _solve(cp.normNuc(weighted), logits, logits, support, solver, options)


def frobenius(support: np.ndarray, embeddings: np.ndarray, solver: str = "CLARABEL", **options: Any) -> Conic:
    """Minimise ||W||_F over the margins of a support (V, m) for the logits W H of embeddings H (d, m)."""
    import cvxpy as cp

    words = cp.Variable((support.shape[0], embeddings.shape[0]))
    return _solve(cp.norm(words, "fro"), words @ embeddings, words, support, solver, options)


def _solve(goal: Any, logits: Any, unknown: Any, support: np.ndarray, solver: str, options: dict[str, Any]) -> Conic:
    import cvxpy as cp

    inside = support.astype(float)
    levels = np.ones((len(support), 1)) @ cp.Variable((1, support.shape[1]))
    margins = [cp.multiply(inside, logits - levels) == 0, cp.multiply(1 - inside, levels - logits) >= 1 - inside]
    problem = cp.Problem(cp.Minimize(goal), margins)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the solvers say of their accuracy is in the status
        problem.solve(solver=solver, **options)
    table = np.full(unknown.shape, np.nan) if unknown.value is None else np.asarray(unknown.value)
    return Conic(table, float(problem.value), str(problem.status))
