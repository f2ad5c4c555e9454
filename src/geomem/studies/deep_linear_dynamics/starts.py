"""Iterations that deep networks need at the best learning rate, from three kinds of start of one size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.models.deep_linear import DeepLinear, balanced
from geomem.runs.tables import Measurement
from geomem.solvers.gradient_flow import euler, product
from geomem.spec import validate
from geomem.studies.deep_linear_dynamics.settings import Starts
from geomem.studies.deep_linear_dynamics.watch import bases
from geomem.training.progress import Event
from geomem.training.work import Extra

if TYPE_CHECKING:
    from geomem.runs.directory import Run
    from geomem.training.progress import Listener
    from geomem.training.work import Work

ORTHOGONAL, GAUSSIAN, DECOUPLED = "orthogonal", "gaussian", "decoupled"
KINDS = (ORTHOGONAL, GAUSSIAN, DECOUPLED)


def run_starts(work: Work, _run: Run, listener: Listener) -> Extra:
    """Count iterations at every depth from every kind of start; the budget where the goal was not reached."""
    own = validate(Starts, work.settings["starts"])
    s = torch.tensor(own.spectrum, dtype=torch.float64)
    left, right = bases(own.width, own.width, len(s), work.seed)
    target = (left * s) @ right.mT
    found: dict[str, list[float]] = {}
    rows: list[Measurement] = []
    for place, depth in enumerate(own.depths):
        for turn, kind in enumerate(KINDS):
            listener(Event(work.name, place * len(KINDS) + turn, len(own.depths) * len(KINDS), note=f"{kind} {depth}"))
            weights = begin(kind, own, depth, left, right, work.seed)
            iterations = best_iterations(weights, target, own)
            found.setdefault(kind, []).append(iterations)
            rows.append(Measurement(metric=f"starts/{kind}", layer=depth, value=iterations))
            values = torch.linalg.svdvals(product(weights))
            spread = float(values[0] / values[len(s) - 1])
            rows.append(Measurement(metric=f"starts/{kind}/spread", layer=depth, value=spread))
    numbers = {
        "starts/orthogonal_growth": found[ORTHOGONAL][-1] / found[ORTHOGONAL][len(own.depths) // 2 - 1],
        "starts/gaussian_over_orthogonal": found[GAUSSIAN][-1] / found[ORTHOGONAL][-1],
    }
    return Extra(numbers, rows=rows)


def begin(kind: str, own: Starts, depth: int, left: Tensor, right: Tensor, seed: int) -> list[Tensor]:
    """Return initial matrices whose product has the Frobenius norm start * sqrt(width).

    orthogonal: every singular value of the product is `start`. gaussian: independent entries, all matrices scaled
    alike. decoupled: the modes of the data alone, with strengths of this norm: the start of the theory.
    """
    widths = [own.width] * (depth + 1)
    size = own.start * own.width**0.5
    if kind == ORTHOGONAL:
        return DeepLinear.orthogonal(widths, own.start ** (1 / depth), seed).weights
    if kind == GAUSSIAN:
        drawn = DeepLinear.gaussian(widths, 1.0, seed).weights
        scale = (size / float(product(drawn).norm())) ** (1 / depth)
        return [scale * matrix for matrix in drawn]
    modes = left.shape[1]
    strengths = torch.full((modes,), size / modes**0.5, dtype=torch.float64)
    return DeepLinear.decoupled(left, right, balanced(strengths, depth), own.width, seed).weights


def best_iterations(weights: list[Tensor], target: Tensor, own: Starts) -> float:
    """Return the iterations until some rate brings the loss to its goal: those at the best rate. At most the budget.

    All rates are run side by side; a rate that diverges drops out as NaN.
    """
    rates = torch.tensor(own.rates, dtype=torch.float64)[:, None, None] / len(weights)
    now = [matrix.expand(len(own.rates), -1, -1) for matrix in weights]
    goal = own.goal * float((product(weights) - target).square().sum())
    for iteration in range(1, own.budget + 1):
        now = euler(now, target, None, rates)
        if bool(((product(now) - target).square().sum((1, 2)) <= goal).any()):
            return float(iteration)
    return float(own.budget)
