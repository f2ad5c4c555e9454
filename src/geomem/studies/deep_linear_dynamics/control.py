"""The control: one matrix learns all modes at one rate, two matrices learn them in stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from geomem.geometry.mode_strength import crossing_times
from geomem.models.deep_linear import DeepLinear, balanced
from geomem.runs.tables import Measurement
from geomem.spec import validate
from geomem.studies.deep_linear_dynamics.settings import Control, Modes
from geomem.studies.deep_linear_dynamics.watch import bases, by_mode, thinned, watch
from geomem.training.progress import Event
from geomem.training.work import Extra

if TYPE_CHECKING:
    from geomem.runs.directory import Run
    from geomem.training.progress import Listener
    from geomem.training.work import Work


def run_control(work: Work, _run: Run, listener: Listener) -> Extra:
    """Return the spread of half-times over modes, (latest - earliest) / mean, at depths one and two."""
    own, modes = validate(Control, work.settings["control"]), validate(Modes, work.settings["modes"])
    s = torch.tensor(modes.singular_values, dtype=torch.float64)
    left, right = bases(modes.outputs, modes.inputs, len(s), work.seed)
    numbers: dict[str, float] = {}
    rows: list[Measurement] = []
    arrays: dict[str, torch.Tensor] = {}
    for depth, name in ((1, "single"), (2, "double")):
        listener(Event(work.name, depth - 1, 2))
        start = torch.full_like(s, modes.start)
        model = DeepLinear.decoupled(left, right, balanced(start, depth), modes.hidden, work.seed)
        course = watch(model, s, left, right, time=own.time, step=own.step)
        halves = crossing_times(course.times, course.seen, s / 2)
        numbers[f"{name}/spread"] = float((halves.max() - halves.min()) / halves.mean())
        rows += by_mode(f"{name}/half_time", halves)
        times, seen = thinned(course)
        arrays |= {f"{name}/times": times, f"{name}/strengths": seen / s}
    return Extra(numbers, arrays, rows)
