"""NTP-SVM: the logits of least nuclear norm that put every allowed next token above every other one by a margin.

    minimise ||L||_*   subject to   L[z,j] = L[z',j]            for z, z' in S_j
                                    L[z,j] - L[v,j] >= 1        for z in S_j, v not in S_j

It is the direction in which the logits of next-token training grow (arXiv 2408.15417, NTP-SVM*; dual, certificate and
de-duplication: the project's card, section 3.3). It sees which tokens may follow a context, never how often.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geomem.errors import InputError
from geomem.solvers.splitting import Progress, Split, split
from geomem.solvers.support_columns import SupportColumns, support_rows

UNCONSTRAINED = "every token is allowed after every context: there is no margin to keep, and the logits are zero"


@dataclass(frozen=True)
class NTPSVM:
    """Logits, and a proof of how near to the least nuclear norm they are.

    logits: (V, m) float64, feasible to rounding, columns centred.
    nuclear_norm: ||L diag(sqrt c)||_* with c the multiplicities (1 where none are given): the primal value.
    lower_bound: sum_j sqrt(c_j) sum_{v not in S_j} |G[v,j]|: no feasible logits have a smaller value.
    certificate: (V, m) float64, the G of the bound: spectral norm at most 1, columns sum to 0, none of its entries off
        the support is positive.
    gap: (nuclear_norm - lower_bound) / nuclear_norm, 0 where nothing is constrained.
    iterations: of the splitting; 0 where the centred support was certified at once.
    converged: whether the gap is at most what was asked for. Where it is not, both values still hold.
    note: what a reader must know of this answer, or "".
    """

    logits: Tensor
    nuclear_norm: float
    lower_bound: float
    gap: float
    certificate: Tensor
    iterations: int
    converged: bool
    note: str = ""


def solve_ntp_svm(
    support: Tensor,
    multiplicity: Tensor | None = None,
    gap: float = 1e-6,
    max_iterations: int = 2000,
    progress: Progress | None = None,
) -> NTPSVM:
    """Solve NTP-SVM for the supports (V, m) bool of m contexts over V tokens.

    multiplicity: (m,) > 0, how many equal contexts each column stands for; the norm is then that of all of them.
    gap: relative duality gap to reach. 1e-8 is about what float64 can give.
    progress: called now and then with the iteration, the primal value and the bound.

    Contexts with equal supports are solved once, and every one of them gets the same logits (exact by symmetry: the
    norm is convex and does not change when equal columns are permuted). Tables of more than four million distinct
    entries begin in float32; the values returned are always float64's.
    Raises InputError for a table that is not two-dimensional or not 0/1, for an empty column and for multiplicities
    that are not positive.
    """
    rows, counts = support_rows(support), _counts(multiplicity, support)
    if not 0 < gap < 1 or max_iterations < 0:
        raise InputError(f"gap {gap} with {max_iterations} iterations: the gap lies between 0 and 1, iterations from 0")
    logits, certificate = np.zeros(rows.shape), np.zeros(rows.shape)
    bound = SupportColumns.from_rows(rows, np.sqrt(counts)).sizes < rows.shape[1]
    if not bound.any():
        zero = (_columns(logits), 0.0, 0.0, 0.0, _columns(certificate))
        return NTPSVM(*zero, iterations=0, converged=True, note=UNCONSTRAINED)
    first, pattern = _distinct(rows[bound])
    total = np.bincount(pattern, weights=counts[bound])
    found = split(SupportColumns.from_rows(rows[bound][first], np.sqrt(total)), gap, max_iterations, progress)
    centred = found.table - found.table.mean(1, keepdims=True)
    logits[bound] = (centred / np.sqrt(total)[:, None])[pattern]
    certificate[bound] = found.certificate[pattern] * np.sqrt(counts[bound] / total[pattern])[:, None]
    return _answer(found, logits, certificate, gap)


def _answer(found: Split, logits: NDArray[np.float64], certificate: NDArray[np.float64], gap: float) -> NTPSVM:
    converged = found.gap <= gap
    note = "" if converged else f"stopped after {found.iterations} iterations at a relative gap of {found.gap:.1e}"
    values = (_columns(logits), found.primal, found.bound, found.gap, _columns(certificate))
    return NTPSVM(*values, iterations=found.iterations, converged=converged, note=note)


def _columns(rows: NDArray[np.float64]) -> Tensor:
    """Return rows (m, V) as columns (V, m), nothing copied."""
    return torch.from_numpy(rows).T


def _counts(multiplicity: Tensor | None, support: Tensor) -> NDArray[np.float64]:
    contexts = support.shape[1]
    if multiplicity is None:
        return np.ones(contexts)
    counts = multiplicity.cpu().to(torch.float64).numpy()
    if counts.shape != (contexts,) or not np.isfinite(counts).all() or not (counts > 0).all():
        raise InputError(f"multiplicity {counts.shape} wants one positive number for each of the {contexts} contexts")
    return counts


def _distinct(rows: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first row of every distinct pattern, and for each row the number of its pattern."""
    packed = np.packbits(rows, axis=1)
    keys = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, pattern = np.unique(keys, return_index=True, return_inverse=True)
    return first, pattern
