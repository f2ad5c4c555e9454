"""Text from a predictor, and how far each prediction was from the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from geomem.errors import InputError
from geomem.probing.lingen.predictors import Predictor

Choose = Callable[[Tensor], int]
"""From log-probabilities (V,) to a token."""


@dataclass(frozen=True)
class Course:
    """tokens: (steps,) int64 that the predictor chose. divergences: (steps,) float64, KL(true || predicted), nats.

    The true distribution is that of the model after the target and the tokens chosen so far.
    """

    tokens: Tensor
    divergences: Tensor

    @property
    def total(self) -> float:
        """The cumulative KL, in nats."""
        return float(self.divergences.sum())


def follow(predictor: Predictor, truth: Predictor, steps: int, choose: Choose) -> Course:
    """Let a predictor write `steps` tokens while the model with the target reads along."""
    tokens: list[int] = []
    divergences: list[Tensor] = []
    for _ in range(steps):
        told, true = predictor.log_probabilities(), truth.log_probabilities()
        divergences.append((true.exp() * (true - told)).sum().clamp(min=0.0))
        tokens.append(choose(told))
        if len(tokens) < steps:  # nobody looks after the last one
            predictor.read(tokens[-1])
            truth.read(tokens[-1])
    return Course(torch.tensor(tokens), torch.stack(divergences))


def greedy(log_probabilities: Tensor) -> int:
    """Return the likeliest token."""
    return int(log_probabilities.argmax())


def sampling(generator: Generator, temperature: float = 1.0) -> Choose:
    """Return a choice by chance: equal seeds draw equal tokens from equal distributions.

    One number is drawn a step and looked up in the cumulative distribution, so that two predictors that nearly agree
    mostly draw the same token. Raises InputError for a temperature that is not above 0.
    """
    if not temperature > 0:
        raise InputError(f"temperature: expected a number above 0, got {temperature} (for the likeliest: greedy)")

    def choose(log_probabilities: Tensor) -> int:
        cumulative = torch.softmax(log_probabilities / temperature, 0).cumsum(0)
        place = torch.rand((), generator=generator, dtype=torch.float64) * cumulative[-1]
        return min(int(torch.searchsorted(cumulative, place, right=True)), len(cumulative) - 1)

    return choose
