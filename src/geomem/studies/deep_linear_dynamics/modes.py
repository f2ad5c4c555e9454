"""One hidden layer: decoupled, unbalanced and small random starts beside their closed forms."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.geometry.deep_linear import effective_start, half_time, mode_strength
from geomem.geometry.mode_strength import (
    conservation_drift,
    crossing_times,
    linear_start,
    mode_strengths,
    off_diagonal_energy,
)
from geomem.geometry.unbalanced_mode import unbalanced_time
from geomem.models.deep_linear import DeepLinear, balanced
from geomem.runs.tables import Measurement
from geomem.solvers.gradient_flow import Course, product, runge_kutta
from geomem.spec import validate
from geomem.studies.deep_linear_dynamics.settings import Modes, Unbalanced
from geomem.studies.deep_linear_dynamics.watch import bases, by_mode, every, named, thinned, watch
from geomem.training.progress import Event
from geomem.training.work import Extra

if TYPE_CHECKING:
    from geomem.runs.directory import Run
    from geomem.training.progress import Listener
    from geomem.training.work import Work

RECORDS = 400
"""Records of a course: twenty a unit of time at the sizes of the study."""


def run_modes(work: Work, _run: Run, listener: Listener) -> Extra:
    """Follow the three starts of one seed."""
    own = validate(Modes, work.settings["modes"])
    listener(Event(work.name, 0, 3))
    numbers, rows, arrays = decoupled(own, work.seed)
    listener(Event(work.name, 1, 3))
    numbers |= unbalanced(validate(Unbalanced, work.settings["unbalanced"]))
    listener(Event(work.name, 2, 3))
    for std in own.stds:
        found, more = small_random(own, std, work.seed)
        numbers |= named(f"random/{std:g}", found)
        rows += more
    errors = [numbers[f"random/{std:g}/fitted_error"] for std in own.stds]
    # The worst of the steps from one size to the next smaller one.
    numbers["random/improvement"] = max((new / old for old, new in pairwise(errors)), default=torch.nan)
    return Extra(numbers, arrays, rows)


def decoupled(own: Modes, seed: int) -> tuple[dict[str, float], list[Measurement], dict[str, Tensor]]:
    """Return how far a decoupled balanced network is from its sigmoids, at its learning rate and at half of it."""
    s = torch.tensor(own.singular_values, dtype=torch.float64)
    left, right = bases(own.outputs, own.inputs, len(s), seed)
    start = torch.full_like(s, own.start)
    model = DeepLinear.decoupled(left, right, balanced(start, 2), own.hidden, seed)

    def error(step: float) -> tuple[float, Course]:
        course = watch(model, s, left, right, time=own.time, step=step, record_every=every(own.time, step, RECORDS))
        theory = mode_strength(course.times[:, None], s, start)
        return float(((course.seen - theory).abs() / s).max()), course

    whole, course = error(own.step)
    halved, _ = error(own.step / 2)
    halves = crossing_times(course.times, course.seen, s / 2)
    numbers = {
        "error": whole,
        "error_at_half_the_step": halved,
        "halving": halved / whole,
        "off_diagonal": off_diagonal_energy(product(course.weights), left, right),
        "drift": conservation_drift(course.weights, model.weights),
    }
    rows = [
        *by_mode("sigmoid/half_time", halves),
        *by_mode("sigmoid/half_time", half_time(s, start), "theory"),
        *by_mode("sigmoid/singular_value", s),
    ]
    times, seen = thinned(course)
    return named("sigmoid", numbers), rows, {"sigmoid/times": times, "sigmoid/strengths": seen}


def unbalanced(own: Unbalanced) -> dict[str, float]:
    """Return simulated and exact time of one mode whose factors differ, and the drift of what is conserved."""
    s, first, second, reach = (
        torch.tensor([value], dtype=torch.float64) for value in (own.singular_value, own.first, own.second, own.reach)
    )
    one = torch.eye(1, dtype=torch.float64)
    model = DeepLinear.decoupled(one, one, torch.stack([first, second]), 1, 0)
    exact = unbalanced_time(s, first, second, reach)
    course = watch(model, s, one, one, time=1.05 * float(exact), step=own.step, advance=runge_kutta)
    found = float(crossing_times(course.times, course.seen, reach))
    return named("unbalanced", {
        "time": found, "theory": float(exact), "error": abs(found / float(exact) - 1),
        "drift": conservation_drift(course.weights, model.weights),
    })  # fmt: skip


def small_random(own: Modes, std: float, seed: int) -> tuple[dict[str, float], list[Measurement]]:
    """Return how far half-times from small random weights are from theory: u0 fitted on the first mode, or read off.

    The first mode is left out of the error of the fit, which it decides.
    """
    s = torch.tensor(own.singular_values, dtype=torch.float64)
    left, right = bases(own.outputs, own.inputs, len(s), seed)
    model = DeepLinear.small_random((own.inputs, own.random_hidden, own.outputs), std, seed)
    first, second = model.weights
    course = watch(model, s, left, right, time=own.random_time, step=own.step, record_every=5)
    found = crossing_times(course.times, course.seen, s / 2)
    fitted = found / half_time(s, effective_start(s[:1], found[:1]))
    read = found / half_time(s, linear_start(first, second, left, right))
    numbers = {
        "fitted_error": float((fitted[1:] - 1).abs().max()),
        "read_error": float((read - 1).abs().max()),
        "first_strength": float(mode_strengths(product(model.weights), left, right)[0]),
    }
    rows = [
        *by_mode(f"random/{std:g}/half_time", found),
        *by_mode(f"random/{std:g}/fitted_ratio", fitted),
        *by_mode(f"random/{std:g}/read_ratio", read),
    ]
    return numbers, rows
