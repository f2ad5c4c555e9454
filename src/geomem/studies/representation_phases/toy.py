"""The linear toy of arXiv 2509.23024: free features and a linear layer under gradient descent, every step recorded.

Sample i of class y_i has features f_i in R^d, which are parameters; logits are z_i = f_i W with W (d, C). With
A = (softmax(z) - onehot) / b for the mean cross-entropy of b samples, or (z - onehot) / b for half the mean squared
error, descent is df = -A W^T, dW = -f^T A. Singular values grow in proportion to themselves, so that the entropy S of
the eigenvalues' shares p obeys dS/dt = -Cov_p(d ln lambda / dt, ln p): it falls if and only if what is large already
grows faster. The start is constructed, which the paper does not say and without which nothing falls again: frequent
classes as clusters with aligned columns of W, rare ones together at the origin. Everything is float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor

from geomem.geometry.spectrum import matrix_entropy, rankme

Loss = Literal["cross-entropy", "squared error"]

EVERY = 10
"""Steps between two checks of the identity."""

NUDGE = 1e-5
"""Time by which the state is moved along its flow and back, for the finite difference."""


@dataclass(frozen=True)
class State:
    """R runs at once. features: (R, b, d). weights: (R, d, C)."""

    features: Tensor
    weights: Tensor


@dataclass(frozen=True)
class Course:
    """What was recorded of R runs. eigenvalues: (R, T + 1, d) of f^T f, not centred, descending. rankme: (R, T + 1).

    predicted, measured: (R, K) dS/dt at every tenth step, by the identity and by a finite difference along the flow.
    """

    eigenvalues: Tensor
    rankme: Tensor
    predicted: Tensor
    measured: Tensor

    def identity_errors(self) -> Tensor:
        """Return |measured - predicted| / |predicted| of each run, norms over its steps; (R,)."""
        return (self.measured - self.predicted).norm(dim=1) / self.predicted.norm(dim=1)


@dataclass(frozen=True)
class Shape:
    """The turning points of one course of RankMe: value and step of each.

    dip: its lowest point. peak and trough: the ends of the largest fall after the dip; both at the dip where it never
    falls again.
    """

    start: float
    dip: float
    dip_step: int
    peak: float
    peak_step: int
    trough: float
    trough_step: int
    end: float

    @property
    def drawdown(self) -> float:
        """How far it falls again: the largest drawdown after the dip."""
        return self.peak - self.trough


def constructed_start(
    counts: Sequence[int], width: int, *, tilt: float, radius: float, jitter: float, runs: int, generator: Generator
) -> State:
    """Return the start with the first two classes at 0 and 90 degrees + `tilt` and all others at the origin.

    Columns of W are parallel to the features of their class and as long. jitter is added to every number.
    """
    corners = torch.zeros(len(counts), width, dtype=torch.float64)
    for place, angle in enumerate((0.0, math.pi / 2 + tilt)):
        corners[place, :2] = radius * torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)
    clean = State(corners[labels_of(counts)].expand(runs, -1, -1), corners.T.expand(runs, -1, -1))
    noise = plain_start(counts, width, spread=jitter, runs=runs, generator=generator)
    return State(clean.features + noise.features, clean.weights + noise.weights)


def plain_start(counts: Sequence[int], width: int, *, spread: float, runs: int, generator: Generator) -> State:
    """Return independent normal numbers of standard deviation `spread`."""

    def normal(*shape: int) -> Tensor:
        return spread * torch.randn(runs, *shape, generator=generator, dtype=torch.float64)

    return State(normal(sum(counts), width), normal(width, len(counts)))


def labels_of(counts: Sequence[int]) -> Tensor:
    """Return the class of every sample, (b,)."""
    return torch.repeat_interleave(torch.tensor(counts))


def velocity(state: State, labels: Tensor, loss: Loss) -> State:
    """Return the gradient flow: minus the gradient of the mean loss by features and by weights."""
    logits = state.features @ state.weights
    onehot = torch.nn.functional.one_hot(labels, logits.shape[-1]).to(logits)
    guess = logits.softmax(-1) if loss == "cross-entropy" else logits
    error = (guess - onehot) / len(labels)
    return State(-error @ state.weights.mT, -state.features.mT @ error)


def descend(start: State, labels: Tensor, *, loss: Loss, lr: float, steps: int) -> Course:
    """Follow gradient descent from `start` for `steps` steps of the whole data."""
    state = start
    eigenvalues: list[Tensor] = []
    predicted: list[Tensor] = []
    measured: list[Tensor] = []
    for step in range(steps + 1):
        flow = velocity(state, labels, loss)
        eigenvalues.append(spectrum(state.features))
        if step % EVERY == 0:
            predicted.append(entropy_rate(state.features, flow.features))
            ahead, behind = (entropies(state.features + side * NUDGE * flow.features) for side in (1, -1))
            measured.append((ahead - behind) / (2 * NUDGE))
        state = State(state.features + lr * flow.features, state.weights + lr * flow.weights)
    found = torch.stack(eigenvalues, dim=1)
    ranks = torch.stack([torch.stack([rankme(one) for one in run]) for run in found])
    return Course(found, ranks, torch.stack(predicted, dim=1), torch.stack(measured, dim=1))


def spectrum(features: Tensor) -> Tensor:
    """Return the eigenvalues (R, d) of f^T f, descending."""
    return torch.linalg.svdvals(features).square()


def entropies(features: Tensor) -> Tensor:
    """Return the entropy (R,) of the shares of the eigenvalues of f^T f, in nats: ln RankMe."""
    return torch.stack([matrix_entropy(one) for one in spectrum(features)])


def entropy_rate(features: Tensor, motion: Tensor) -> Tensor:
    """Return dS/dt = -Cov_p(d ln lambda / dt, ln p), (R,), when features (R, b, d) move by `motion` a unit of time.

    d ln lambda_k / dt = 2 u_k^T (motion) v_k / sigma_k. Needs d <= b and no eigenvalue of exactly 0.
    """
    left, sigma, right = torch.linalg.svd(features, full_matrices=False)
    growth = 2 * torch.einsum("rbk,rbd,rkd->rk", left, motion, right) / sigma
    shares = sigma.square() / sigma.square().sum(-1, keepdim=True)
    logs = shares.log()
    means = (shares * growth).sum(-1) * (shares * logs).sum(-1)
    return means - (shares * growth * logs).sum(-1)


def shape_of(course: Tensor) -> Shape:
    """Return the turning points of one course of RankMe, (T + 1,)."""
    dip = int(course.argmin())
    highest = course[dip:].cummax(0)
    fall = int((highest.values - course[dip:]).argmax())
    peak, trough = dip + int(highest.indices[fall]), dip + fall
    return Shape(
        start=float(course[0]),
        dip=float(course[dip]),
        dip_step=dip,
        peak=float(course[peak]),
        peak_step=peak,
        trough=float(course[trough]),
        trough_step=trough,
        end=float(course[-1]),
    )
