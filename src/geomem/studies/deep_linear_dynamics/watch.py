"""What all works of the study share: drawn data of a known spectrum, and networks watched mode by mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from geomem.geometry.mode_strength import mode_strengths
from geomem.models.deep_linear import DeepLinear
from geomem.runs.tables import Measurement
from geomem.seeding import torch_generator
from geomem.solvers.gradient_flow import Course, follow, product

SHOWN = 160
"""Records of a course that are kept for its picture."""


def bases(outputs: int, inputs: int, modes: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return U (outputs, modes) and V (inputs, modes) with orthonormal columns, drawn at random."""
    generator = torch_generator(seed, "bases")
    drawn = [torch.randn(rows, modes, generator=generator, dtype=torch.float64) for rows in (outputs, inputs)]
    left, right = (torch.linalg.qr(one).Q for one in drawn)
    return left, right


def watch(model: DeepLinear, s: Tensor, left: Tensor, right: Tensor, *, time: float, step: float, **how: Any) -> Course:
    """Follow a network on data U diag(s) V^T for `time` and record the strength of every mode."""
    return follow(
        model.weights,
        (left * s) @ right.mT,
        step=step,
        steps=max(1, round(time / step)),
        observe=lambda now: mode_strengths(product(now), left, right),
        **how,
    )


def every(time: float, step: float, records: int) -> int:
    """Return how many steps lie between records, for about so many records."""
    return max(1, round(time / step / records))


def thinned(course: Course) -> tuple[Tensor, Tensor]:
    """Return times and records of about `SHOWN` moments."""
    stride = max(1, len(course.times) // SHOWN)
    return course.times[::stride], course.seen[::stride]


def by_mode(metric: str, values: Tensor | Sequence[float], control: str = "") -> Iterator[Measurement]:
    """Yield a row a mode, the number of the mode as its layer."""
    for place, value in enumerate(values):
        yield Measurement(metric=metric, condition=control, layer=place, value=float(value))


def named(group: str, numbers: Mapping[str, float]) -> dict[str, float]:
    """Return numbers with the name of their group in front."""
    return {f"{group}/{name}": float(value) for name, value in numbers.items()}
