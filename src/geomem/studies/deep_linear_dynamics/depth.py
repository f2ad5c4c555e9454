"""Networks of many depths that start from one strength, beside the integral and its limit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.geometry.deep_linear import learning_time, mode_strength, rescaled_time
from geomem.geometry.mode_strength import crossing_times
from geomem.models.deep_linear import DeepLinear, balanced
from geomem.runs.tables import Measurement
from geomem.solvers.gradient_flow import runge_kutta
from geomem.spec import validate
from geomem.studies.deep_linear_dynamics.settings import Depths
from geomem.studies.deep_linear_dynamics.watch import bases, every, thinned, watch
from geomem.training.progress import Event
from geomem.training.work import Extra

if TYPE_CHECKING:
    from geomem.runs.directory import Run
    from geomem.training.progress import Listener
    from geomem.training.work import Work

RECORDS = 400


def run_depths(work: Work, _run: Run, listener: Listener) -> Extra:
    """Time one mode at every depth, then follow full matrices of one depth."""
    own = validate(Depths, work.settings["depths"])
    rows: list[Measurement] = []
    found: list[float] = []
    errors: list[float] = []
    for place, depth in enumerate(own.depths):
        listener(Event(work.name, place, len(own.depths) + 1))
        simulated, exact = timed(own, depth)
        found.append(depth * simulated)
        errors.append(abs(simulated / exact - 1))
        # The depth stands where other rows have a layer.
        rows += [
            Measurement(metric="depth/time", layer=depth, value=depth * simulated),
            Measurement(metric="depth/time", condition="theory", layer=depth, value=depth * exact),
        ]
    listener(Event(work.name, len(own.depths), len(own.depths) + 1))
    limit = float(rescaled_time(*_values(own), math.inf))
    rising = [time for depth, time in zip(own.depths, found, strict=True) if depth > 1]
    deviation, arrays = full_matrices(own, work.seed)
    numbers = {
        "depth/error": max(errors),
        "depth/limit": limit,
        "depth/smallest_rise": min(b - a for a, b in zip(rising, [*rising[1:], limit], strict=True)),
        "depth/last_gap": 1 - rising[-1] / limit,
        "matrices/error": deviation,
    }
    return Extra(numbers, arrays, rows)


def timed(own: Depths, depth: int) -> tuple[float, float]:
    """Return the time one mode takes in a network of a depth, simulated and exact."""
    s, start, reach = _values(own)
    one = torch.eye(1, dtype=torch.float64)
    model = DeepLinear.decoupled(one, one, balanced(start, depth), 1, 0)
    exact = float(learning_time(s, start, reach, depth))
    course = watch(model, s, one, one, time=1.05 * exact, step=exact / own.steps, advance=runge_kutta)
    return float(crossing_times(course.times, course.seen, reach)), exact


def full_matrices(own: Depths, seed: int) -> tuple[float, dict[str, Tensor]]:
    """Return how far full matrices with random inner bases are from the equation of one mode, and their course."""
    s = torch.tensor(own.spectrum, dtype=torch.float64)
    left, right = bases(len(s), len(s), len(s), seed)
    start = torch.full_like(s, own.small)
    model = DeepLinear.decoupled(left, right, balanced(start, own.matrices), len(s), seed)
    stride = every(own.time, own.step, RECORDS)
    course = watch(model, s, left, right, time=own.time, step=own.step, record_every=stride)
    theory = mode_strength(course.times[:, None], s, start, own.matrices)
    times, seen = thinned(course)
    return float(((course.seen - theory).abs() / s).max()), {"matrices/times": times, "matrices/strengths": seen}


def _values(own: Depths) -> tuple[Tensor, Tensor, Tensor]:
    values = (own.singular_value, own.start, own.reach)
    s, start, reach = (torch.tensor([value], dtype=torch.float64) for value in values)
    return s, start, reach
