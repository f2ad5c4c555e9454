"""What fixed context embeddings allow inside the supports: the log-odds solution W*, and decoders that ignore them.

With embeddings H (d, m) the in-support differences of the logits W H are a linear map of W. Its minimum-norm solution
for the log-odds of P is W* (arXiv 2402.18551, compatibility NTP_H); its kernel holds the decoders that are constant on
every support, among which NTP-SVM looks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, lsqr
from torch import Tensor

from geomem.errors import InputError
from geomem.solvers.support_columns import SupportColumns

TOLERANCE = 1e-14
"""Relative accuracy of LSQR, near what float64 can hold."""


@dataclass(frozen=True)
class LogOdds:
    """The decoder in F = span{(e_z - e_z') h_j^T} whose in-support differences are nearest to the log-odds.

    words: (V, d) float64.
    residual: largest error of a centred log-probability, in nats; 0 up to rounding where H and P are compatible.
    """

    words: Tensor
    residual: float


class InSupport:
    """The map from a decoder (as rows, W^T: (d, V)) to its logits on the supports, each context centred: (nnz,)."""

    def __init__(self, columns: SupportColumns, embeddings: NDArray[np.float64]) -> None:
        self.columns, self.embeddings = columns, embeddings
        self.shape = (embeddings.shape[0], columns.vocabulary)
        self._contexts = np.repeat(np.arange(len(columns.margins)), columns.sizes)
        size = (len(columns.tokens), self.shape[0] * self.shape[1])
        self._operator = LinearOperator(size, matvec=self._forward, rmatvec=self._back, dtype=np.float64)

    def __call__(self, decoder: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (nnz,) the centred in-support logits of a decoder (d, V)."""
        return self.centre((self.embeddings.T @ decoder)[self._contexts, self.columns.tokens])

    def centre(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (nnz,) values less their mean over each support."""
        means = np.add.reduceat(values, self.columns.starts[:-1]) / self.columns.sizes
        return values - means[self._contexts]

    def solve(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the decoder (d, V) of least norm whose in-support logits are nearest to `values` (nnz,)."""
        reached = float(np.linalg.norm(self._back(values)))
        if reached <= 1e-12 * float(np.linalg.norm(self.embeddings) * np.linalg.norm(values)):
            return np.zeros(self.shape)  # rounding alone lies in reach, and LSQR would divide by its size
        limit = 20 * min(len(values), self.shape[0] * self.shape[1]) + 100
        found = lsqr(self._operator, values, atol=TOLERANCE, btol=TOLERANCE, conlim=0, iter_lim=limit)
        return np.asarray(found[0]).reshape(self.shape)

    def constant_part(self, decoder: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the nearest decoder (d, V) that is constant on every support."""
        return decoder - self.solve(self(decoder))

    def _forward(self, flat: NDArray[np.float64]) -> NDArray[np.float64]:
        return self(flat.reshape(self.shape))

    def _back(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        table = np.zeros((len(self.columns.margins), self.columns.vocabulary))
        table[self._contexts, self.columns.tokens] = self.centre(values.ravel())
        return (self.embeddings @ table).ravel()


def log_odds_solution(probabilities: Tensor, embeddings: Tensor) -> LogOdds:
    """Return W* for next-token distributions (V, m), columns that sum to 1, and context embeddings H (d, m).

    Raises InputError for shapes that do not fit, negative or non-finite entries and empty columns.
    """
    wanted = probabilities.detach().cpu().double().numpy()
    if wanted.ndim != 2 or not np.isfinite(wanted).all() or (wanted < 0).any():
        raise InputError("the probabilities must be a table (tokens, contexts) of finite numbers, none below 0")
    rows = np.ascontiguousarray(wanted.T)
    columns = SupportColumns.from_rows(rows > 0, np.ones(len(rows)))
    system = InSupport(columns, fixed_embeddings(embeddings, len(rows)))
    odds = system.centre(np.log(rows[rows > 0]))
    decoder = system.solve(odds)
    return LogOdds(torch.from_numpy(decoder).T, float(np.abs(system(decoder) - odds).max()))


def compatible(probabilities: Tensor, embeddings: Tensor, tolerance: float = 1e-6) -> bool:
    """Return whether some decoder gives every in-support log-odds of P (V, m) on H (d, m), to `tolerance` nats."""
    return log_odds_solution(probabilities, embeddings).residual <= tolerance


def fixed_embeddings(embeddings: Tensor, contexts: int) -> NDArray[np.float64]:
    """Return embeddings (d, m) as float64, checked against the number of contexts."""
    found = embeddings.detach().cpu().double().numpy()
    if found.ndim != 2 or found.shape[1] != contexts:
        raise InputError(f"the embeddings have shape {tuple(found.shape)}, where (width, {contexts}) is wanted")
    if not np.isfinite(found).all():
        raise InputError("the embeddings have entries that are not finite")
    return np.ascontiguousarray(found)
