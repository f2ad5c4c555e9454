"""NTP-SVM with fixed context embeddings: the decoder of least Frobenius norm that keeps every margin.

    minimise ||W||_F   subject to   (W h_j)[z] = (W h_j)[z']        for z, z' in S_j
                                    (W h_j)[z] - (W h_j)[v] >= 1    for z in S_j, v not in S_j

The direction of gradient descent on the decoder alone (arXiv 2402.18551, NTP-SVM; the project's card, section 3.6).
With one allowed token a context it is the multiclass maximum-margin decoder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geomem.errors import InputError
from geomem.solvers.anderson import Anderson
from geomem.solvers.log_odds import InSupport, fixed_embeddings
from geomem.solvers.ntp_svm import UNCONSTRAINED
from geomem.solvers.separability import rows_separable
from geomem.solvers.splitting import Progress, relative_gap
from geomem.solvers.support_columns import SupportColumns, support_rows

RELAXATION = 1.6
MEMORY = 10

FARTHEST = 1e6
"""How many times above or below its first value the penalty may go."""

ROUNDING = 1e-6
"""Share of the smallest margin by which logits of one support may differ: what a decoder has to show to be one."""

DOUBT = 200
"""Iterations without any feasible decoder after which a linear program is asked whether there is one."""


@dataclass(frozen=True)
class FrobeniusSVM:
    """A decoder, and a proof of how near to the least norm it is.

    words: (V, d) float64; on every support its logits are equal to rounding, and the smallest margin is 1.
    norm: ||W||_F. lower_bound: sum_j sum_{v not in S_j} |G[v,j]| / ||G H^T||_F, below which no feasible decoder comes.
    certificate: (V, m) float64, the G of the bound, scaled so that ||G H^T||_F is 1; columns sum to 0, none of its
        entries off the support is positive.
    gap: (norm - lower_bound) / norm, 0 where nothing is constrained.
    converged: whether the gap is at most what was asked for. Where it is not, both values still hold.
    """

    words: Tensor
    norm: float
    lower_bound: float
    gap: float
    certificate: Tensor
    iterations: int
    converged: bool
    note: str = ""


def solve_frobenius_svm(
    support: Tensor,
    embeddings: Tensor,
    gap: float = 1e-6,
    max_iterations: int = 20_000,
    progress: Progress | None = None,
) -> FrobeniusSVM:
    """Solve for supports (V, m) bool and context embeddings H (d, m).

    Douglas-Rachford splitting between the logits that a decoder can reach and the support constraints, accelerated.
    Every decoder that is looked at is first made constant on the supports (least squares), then scaled to margin 1.
    Raises InputError for shapes that do not fit, an empty support, and embeddings on which the margins cannot be kept.
    """
    rows = support_rows(support)
    table = fixed_embeddings(embeddings, len(rows))
    columns = SupportColumns.from_rows(rows, np.ones(len(rows)))
    if not 0 < gap < 1 or max_iterations < 1:
        raise InputError(f"gap {gap} with {max_iterations} iterations: the gap lies between 0 and 1, iterations from 1")
    if (columns.sizes == columns.vocabulary).all():
        words, certificate = torch.zeros(rows.shape[1], len(table)), torch.zeros(rows.shape[1], len(rows))
        return FrobeniusSVM(words.double(), 0.0, 0.0, 0.0, certificate.double(), 0, True, UNCONSTRAINED)
    return _Search(columns, rows, table).run(gap, max_iterations, progress)


class _Search:
    """State of the splitting (logits as rows (m, V)) and the best decoder and certificate seen."""

    def __init__(self, columns: SupportColumns, rows: NDArray[np.bool_], embeddings: NDArray[np.float64]) -> None:
        self.columns, self.rows, self.embeddings = columns, rows, embeddings
        self.inside = InSupport(columns, embeddings)
        self.left, values, self.right = np.linalg.svd(embeddings, full_matrices=False)
        # Equal or dependent embeddings leave singular values of rounding, whose inverse would be all there is to see.
        self.singular = np.where(values > max(embeddings.shape) * np.finfo(np.float64).eps * values[0], values, 0.0)
        self.state: NDArray[np.float64] = columns.centred()
        self.levels: NDArray[np.float64] = -columns.sizes / columns.vocabulary
        self.first_penalty = 1 / (float(np.mean(self.singular**2)) or 1.0)
        self._penalise(self.first_penalty)
        self.words, self.norm = np.zeros(self.inside.shape), np.inf
        self.certificate, self.bound = np.zeros(self.state.shape), 0.0

    def run(self, gap: float, max_iterations: int, progress: Progress | None) -> FrobeniusSVM:
        """Iterate until the gap is reached, looking seldom, for a look costs as much as several steps."""
        due = 5
        iteration, doubted = 0, False
        for iteration in range(1, max_iterations + 1):
            kept = self.mixing @ self.state
            reflected = 2 * kept - self.state
            projected = self.columns.project(reflected, self.levels)
            if iteration >= due or iteration == max_iterations:
                self._look(kept, projected - reflected)
                if progress is not None:
                    progress(iteration, self.norm, self.bound)
                if self.gap <= gap:
                    break
                if not doubted and self.norm == np.inf and iteration >= DOUBT:
                    self._refuse_inseparable()
                    doubted = True
                due = iteration + max(5, iteration // 4)
                if self._rebalance(kept):
                    continue
            self.state = self.accelerator.next(self.state, RELAXATION * (projected - kept))
        if self.norm == np.inf:
            self._refuse_inseparable()
            raise InputError(f"no decoder kept the margins within {max_iterations} iterations; allow more of them")
        return self._answer(iteration, gap)

    @property
    def gap(self) -> float:
        return 1.0 if self.norm == np.inf else relative_gap(self.norm, self.bound)

    def _penalise(self, penalty: float) -> None:
        """Set the penalty, and with it the matrix (m, m) that takes logits to the nearest cheap ones in reach.

        argmin_W ||W||_F^2 / 2 + penalty / 2 ||H^T W - Y||_F^2 has logits V diag(p s^2 / (1 + p s^2)) V^T Y.
        """
        self.penalty = penalty
        weights = penalty * self.singular**2
        self.mixing = (self.right.T * (weights / (1 + weights))) @ self.right
        self.accelerator = Anderson(MEMORY)

    def _rebalance(self, kept: NDArray[np.float64]) -> bool:
        multiplier = self.state - kept
        upper, lower = float(np.linalg.norm(multiplier)), float(np.linalg.norm(kept))
        ratio = self.penalty / self.first_penalty * upper / (max(lower, 1e-12 * upper) or 1.0)
        # Where no decoder keeps the margins the multiplier grows for ever, and the penalty must not follow it.
        wanted = self.first_penalty * float(np.clip(ratio, 1 / FARTHEST, FARTHEST))
        if 1 / 3 <= wanted / self.penalty <= 3:
            return False
        self.state = kept + multiplier * (self.penalty / wanted)
        self._penalise(wanted)
        return True

    def _look(self, kept: NDArray[np.float64], multiplier: NDArray[np.float64]) -> None:
        """Make a feasible decoder of the state's and a certificate of the multiplier; keep what is better."""
        inverse = np.divide(1.0, self.singular, out=np.zeros_like(self.singular), where=self.singular > 0)
        decoder = (self.left * inverse) @ (self.right @ kept)
        decoder = self.inside.constant_part(decoder)
        margin = self._margin(decoder)
        if margin > 0 and np.linalg.norm(decoder) / margin < self.norm:
            self.words, self.norm = decoder / margin, float(np.linalg.norm(decoder)) / margin
        pulled = float(np.linalg.norm(self.embeddings @ multiplier))
        mass = -float(self.columns.off_support_mass(multiplier).sum())
        if pulled > 0 and mass / pulled > self.bound:
            self.certificate, self.bound = multiplier / pulled, mass / pulled

    def _margin(self, decoder: NDArray[np.float64]) -> float:
        """Return the smallest margin of a decoder (d, V), 0 where it is lost in what its logits miss by rounding."""
        logits = self.embeddings.T @ decoder
        lowest, highest = np.where(self.rows, logits, np.inf).min(1), np.where(self.rows, logits, -np.inf).max(1)
        margin = float((lowest - np.where(self.rows, -np.inf, logits).max(1)).min())
        rounding = max(float((highest - lowest).max()), np.finfo(np.float64).eps * float(np.abs(logits).max()))
        return margin if margin > rounding / ROUNDING else 0.0

    def _refuse_inseparable(self) -> None:
        if not rows_separable(self.columns, self.rows, self.embeddings):
            raise InputError(
                "these embeddings are not separable: no decoder keeps every allowed token above every other one;"
                " contexts that are too alike allow different tokens, or the width is too small"
            )

    def _answer(self, iteration: int, gap: float) -> FrobeniusSVM:
        converged = self.gap <= gap
        note = "" if converged else f"stopped after {iteration} iterations at a relative gap of {self.gap:.1e}"
        words, certificate = torch.from_numpy(self.words).T, torch.from_numpy(self.certificate).T
        return FrobeniusSVM(words, self.norm, self.bound, self.gap, certificate, iteration, converged, note)
