"""What predicts the next token from what has been read: a combination of histories, one sequence, or frequencies."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from geomem.probing.logits.source import Reading


class Predictor(Protocol):
    """Predicts one token after the other."""

    def log_probabilities(self) -> Tensor:
        """Return the log-probabilities (V,) float64 of the next token."""
        ...

    def read(self, token: int) -> None:
        """Read the token that came."""
        ...


class Combined:
    """softmax(sum_h v_h L_h): every history reads on, none of them is the target."""

    def __init__(self, reading: Reading, weights: Tensor) -> None:
        self.reading, self.weights = reading, weights

    def log_probabilities(self) -> Tensor:
        """Return the log-probabilities (V,)."""
        return torch.log_softmax(self.reading.combined(self.weights).double(), 0)

    def read(self, token: int) -> None:
        """Read a token after every history."""
        self.reading.read(torch.full((len(self.weights),), token))


class One(Combined):
    """What follows a single sequence: the model itself, or the model with part of the text."""

    def __init__(self, reading: Reading) -> None:
        super().__init__(reading, torch.ones(1, dtype=torch.float64))


class Frequencies:
    """The same prediction at every step."""

    def __init__(self, log_probabilities: Tensor) -> None:
        self._known = log_probabilities

    def log_probabilities(self) -> Tensor:
        """Return the log-probabilities (V,)."""
        return self._known

    def read(self, token: int) -> None:
        """Forget the token."""


def frequencies(tokens: Tensor, vocabulary: int) -> Tensor:
    """Return the log-frequencies (V,) of tokens (N,), one added to each count so that none is impossible."""
    counts = torch.bincount(tokens.long(), minlength=vocabulary).double() + 1
    return (counts / counts.sum()).log()
