"""LinGen and its baselines, for one target after the other (arXiv 2510.24966)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from geomem.probing.lingen.predictors import Combined, Frequencies, One, Predictor
from geomem.probing.lingen.weights import Weights, fit_weights
from geomem.probing.logits.source import LogitMatrix, Reading, Source

LINGEN, SINGLE, TRUNCATED, UNIGRAM = "lingen", "single-token", "truncated", "unigram"
RIDGE = 1e-3
"""Ridge as a share of the mean squared norm of a history's row."""

LAST = 5
"""Tokens of the target that the truncated baseline sees, as in the paper."""


@dataclass(frozen=True)
class LinGen:
    """A source with histories and futures, ready to imitate targets.

    matrix: of histories (n) and futures (F). reading: the histories as read, and single: (n, V) the logits after them,
    which is the matrix of the single-token baseline. unigram: (V,) log-frequencies, or None.
    start: tokens before a text (0 or 1), which the truncated baseline keeps.
    """

    source: Source
    futures: Sequence[Tensor]
    matrix: LogitMatrix
    reading: Reading
    single: Tensor
    ridge: float = RIDGE
    unigram: Tensor | None = None
    start: int = 0

    @classmethod
    def prepare(
        cls, source: Source, histories: Tensor, futures: Sequence[Tensor], *, tokens: int | None = None,
        matrix: LogitMatrix | None = None, ridge: float = RIDGE, unigram: Tensor | None = None, start: int = 0,
    ) -> LinGen:  # fmt: skip
        """Read the histories (n, T), and make their matrix if it is not given; `tokens` columns a future, None all."""
        if matrix is None:
            matrix = source.matrix(histories, futures, tokens=tokens)
        reading = source.begin(histories)
        return cls(source, futures, matrix, reading, reading.logits(), ridge, unigram, start)

    def weights(self, target: Tensor) -> Weights:
        """Return the combination of histories that is nearest to a target (T,) over all futures and kept tokens."""
        row = self.source.matrix(target[None], self.futures, columns=self.matrix.columns)
        return fit_weights(self.matrix.values, row.values[0], self.ridge)

    def single_weights(self, target: Tensor) -> Weights:
        """Return the combination that is nearest in the next token alone, over the whole vocabulary."""
        return fit_weights(self.single, self.source.begin(target[None]).logits()[0], self.ridge)

    def predictors(self, target: Tensor) -> Mapping[str, Predictor]:
        """Return LinGen and its baselines for a target (T,), by name."""
        found: dict[str, Predictor] = {
            LINGEN: Combined(self.reading.copy(), self.weights(target).values),
            SINGLE: Combined(self.reading.copy(), self.single_weights(target).values),
            TRUNCATED: self.model(torch.cat([target[: self.start], target[self.start :][-LAST:]])),
        }
        return found if self.unigram is None else {**found, UNIGRAM: Frequencies(self.unigram)}

    def model(self, target: Tensor) -> One:
        """Return the model itself after a text (T,)."""
        return One(self.source.begin(target[None]))
