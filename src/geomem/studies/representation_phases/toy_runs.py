"""The toy under its conditions: three constructed starts, and four controls that each remove one condition."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.geometry.phases import Checkpoint, detect_phases
from geomem.seeding import torch_generator
from geomem.spec import validate
from geomem.studies.representation_phases.settings import Toy
from geomem.studies.representation_phases.toy import (
    Course,
    Loss,
    Shape,
    constructed_start,
    descend,
    labels_of,
    plain_start,
    shape_of,
)
from geomem.training.work import Extra

if TYPE_CHECKING:
    from geomem.runs.directory import Run
    from geomem.training.progress import Listener
    from geomem.training.work import Work

LEAST_FALL = 0.002
"""Relative change of RankMe that counts as a phase here, 0.004 of 2: the courses are exact and need no margin."""

ENOUGH = 0.75
"""Share of the runs of a seed that must show the fall."""


@dataclass(frozen=True)
class Variant:
    """One condition. tilt: None for the plain start."""

    counts: tuple[int, ...]
    width: int
    tilt: float | None
    loss: Loss = "cross-entropy"


def variants(toy: Toy) -> dict[str, Variant]:
    """Return all conditions by name."""
    tilted = {f"tilt-{tilt:g}": Variant(toy.counts, toy.width, tilt) for tilt in toy.tilts}
    return tilted | controls(toy) | {UNIFORM: Variant((2,) * len(toy.counts), toy.width, toy.control_tilt)}


def controls(toy: Toy) -> dict[str, Variant]:
    """Return the conditions under which nothing should fall again."""
    return {
        "wider": Variant(toy.counts, toy.width + 1, toy.control_tilt),
        "squared-error": Variant(toy.counts, toy.width, toy.control_tilt, "squared error"),
        "plain-start": Variant(toy.counts, toy.width, None),
    }


UNIFORM = "uniform-counts"
"""Reported without a threshold: with the constructed start classes of equal size fall again, too."""


def run_toy(work: Work, _run: Run, _listener: Listener) -> Extra:
    """Run every condition; keep turning points of each run, the courses, and the errors of the identity."""
    toy = validate(Toy, work.settings["toy"])
    numbers: dict[str, float] = {}
    arrays: dict[str, Tensor] = {}
    for name, variant in variants(toy).items():
        course = follow(variant, toy, work.seed, name)
        numbers |= {f"{name}/{metric}": value for metric, value in summary(course).items()}
        arrays[f"{name}/rankme"] = course.rankme
    return Extra(numbers, arrays)


def follow(variant: Variant, toy: Toy, seed: int, name: str) -> Course:
    """Run one condition from as many starts as the settings say."""
    generator = torch_generator(seed, "toy", name)
    if variant.tilt is None:
        start = plain_start(variant.counts, variant.width, spread=toy.plain, runs=toy.runs, generator=generator)
    else:
        start = constructed_start(
            variant.counts, variant.width, tilt=variant.tilt, radius=toy.radius, jitter=toy.jitter, runs=toy.runs,
            generator=generator,
        )  # fmt: skip
    return descend(start, labels_of(variant.counts), loss=variant.loss, lr=toy.lr, steps=toy.steps)


def summary(course: Course) -> Mapping[str, float]:
    """Return the numbers that claims rest on, over the runs of a seed.

    drawdown_of_most: the fall that three quarters of the runs reach. The turning points are those of a median run.
    """
    shapes = [shape_of(one) for one in course.rankme]
    falls = sorted((shape.drawdown for shape in shapes), reverse=True)
    middle = median_shape(shapes)
    return {
        "dip_step_latest": float(max(shape.dip_step for shape in shapes)),
        "dip_depth_least": min(shape.start - shape.dip for shape in shapes),
        "drawdown_of_most": falls[math.ceil(ENOUGH * len(falls)) - 1],
        "drawdown_largest": falls[0],
        "drawdown_least": falls[-1],
        "start": middle.start,
        "dip": middle.dip,
        "dip_step": float(middle.dip_step),
        "peak": middle.peak,
        "peak_step": float(middle.peak_step),
        "trough": middle.trough,
        "trough_step": float(middle.trough_step),
        "end": middle.end,
        "identity_error": float(course.identity_errors().max()),
    }


def median_shape(shapes: Sequence[Shape]) -> Shape:
    """Return the run with the median drawdown (the lower of two)."""
    return sorted(shapes, key=lambda shape: shape.drawdown)[(len(shapes) - 1) // 2]


def phase_names(course: Tensor) -> str:
    """Return the phases of one course (T + 1,) in words, by the rule of `geometry.phases`."""
    points = [Checkpoint(float(step), float(value)) for step, value in enumerate(torch.as_tensor(course))]
    found = detect_phases(points, least_change=LEAST_FALL)
    return ", ".join(f"{one.name} to step {one.end:.0f}" for one in found) or "none"
