"""The order in which the modes of a user's data are learned: told from the initial weights, and simulated."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.deep_linear import half_time, mode_strength
from geomem.geometry.distance import spearman
from geomem.geometry.mode_strength import crossing_times, linear_start, mode_strengths
from geomem.models.deep_linear import DeepLinear
from geomem.runs.atomic import write_atomic
from geomem.solvers.gradient_flow import follow, product
from geomem.spec import validate
from geomem.studies.deep_linear_dynamics.own_data import Correlation, read_correlation
from geomem.studies.deep_linear_dynamics.settings import Own
from geomem.studies.deep_linear_dynamics.watch import by_mode, thinned
from geomem.training.progress import Event
from geomem.training.work import Extra

if TYPE_CHECKING:
    from geomem.runs.directory import Run
    from geomem.training.progress import Listener
    from geomem.training.work import Work

NAMES = "modes.json"
"""File of a cell that holds what each mode sets apart, in words."""

LATER = 1.3
"""A course lasts so many times the longest half-time that is told."""

TOLD = 5
"""Items and features that are named at either end of a mode."""


def run_own(work: Work, run: Run, listener: Listener) -> Extra:
    """Follow the strongest modes of the data. Times are in units of 1 / (largest singular value)."""
    own = validate(Own, work.settings["own"])
    listener(Event(work.name, 0, 2, note="reading"))
    data = read_correlation(str(work.settings["data"]), own.words, own.contexts)
    left, s, right = torch.linalg.svd(data.sigma_31, full_matrices=False)
    # A mode of rounding errors is no mode.
    count = min(own.modes, int((s > 1e-10 * s[0]).sum()))
    if own.hidden < count:
        raise InputError(f"own.hidden: {count} modes need at least as many hidden units, got {own.hidden}")
    # The strongest mode has singular value 1: time is in its units.
    sigma, s, left, right = data.sigma_31 / s[0], s[:count] / s[0], left[:, :count], right.mT[:, :count]
    model = DeepLinear.small_random((sigma.shape[1], own.hidden, sigma.shape[0]), own.std, work.seed)
    first, second = model.weights
    start = linear_start(first, second, left, right).minimum(s / 2)
    told = half_time(s, start)
    steps = min(own.most_steps, math.ceil(LATER * float(told.max()) / own.step))
    listener(Event(work.name, 1, 2, note=f"{steps} steps on {sigma.shape[1]} inputs"))
    course = follow(model.weights, sigma, step=own.step, steps=steps, record_every=max(1, steps // 800),
                    observe=lambda now: mode_strengths(product(now), left, right))  # fmt: skip
    found = crossing_times(course.times, course.seen, s / 2)
    times, seen = thinned(course)
    write_atomic(run.path / NAMES, json.dumps(words_of(data, left, right), ensure_ascii=False, indent=1) + "\n")
    known = found.isfinite()
    numbers = {
        "own/modes": float(count),
        "own/reached": float(known.sum()),
        "own/error": float((found / told - 1)[known].abs().max()) if bool(known.any()) else math.nan,
        "own/order": spearman(told[known], found[known]) if int(known.sum()) > 2 else math.nan,
    }
    rows = [*by_mode("own/half_time", found), *by_mode("own/half_time", told, "theory"),
            *by_mode("own/singular_value", s)]  # fmt: skip
    arrays = {
        "own/times": times,
        "own/strengths": seen / s,
        "own/theory": mode_strength(times[:, None], s, start) / s,
    }
    return Extra(numbers, arrays, rows)


def words_of(data: Correlation, left: Tensor, right: Tensor) -> list[dict[str, list[str]]]:
    """Return, a mode each, the inputs and outputs at its two ends; a sign common to both says nothing."""
    return [
        {
            "inputs": _ends(data.inputs, right[:, mode])[0],
            "outputs": _ends(data.outputs, left[:, mode])[0],
            "inputs_against": _ends(data.inputs, right[:, mode])[1],
            "outputs_against": _ends(data.outputs, left[:, mode])[1],
        }
        for mode in range(left.shape[1])
    ]


def _ends(names: tuple[str, ...], values: Tensor) -> tuple[list[str], list[str]]:
    """Return the names with the largest positive values, and those with the largest negative ones."""
    order = values.argsort(descending=True).tolist()
    least = 0.1 * float(values.abs().max())
    high = [names[place] for place in order[:TOLD] if float(values[place]) > least]
    low = [names[place] for place in order[::-1][:TOLD] if float(values[place]) < -least]
    return high, low
