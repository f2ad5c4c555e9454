"""All subsets of a small vocabulary: gradient descent and the ridge path, beside the closed form they should reach."""

from __future__ import annotations

import math
import time

from torch import Tensor

from geomem.models.unconstrained import UnconstrainedFeatures
from geomem.runs.directory import Run
from geomem.runs.tables import Measurement
from geomem.seeding import torch_generator
from geomem.solvers.gradient_descent import descent, log_steps
from geomem.solvers.ridge_path import RidgePoint, ridge_path
from geomem.spec import validate
from geomem.studies.implicit_geometry_ntp import problems
from geomem.studies.implicit_geometry_ntp.problems import Problem
from geomem.studies.implicit_geometry_ntp.readings import Direction, path_rows, picture_arrays, state_rows
from geomem.studies.implicit_geometry_ntp.settings import Settings, Symmetric
from geomem.training.progress import Event, Listener
from geomem.training.work import Extra, Work

UNIFORM, FREQUENCIES, SHARES = "uniform", "uneven-frequencies", "uneven-contexts"
CONDITIONS = (UNIFORM, FREQUENCIES, SHARES)
"""P and pi uniform; P uneven; both uneven."""

MARKS = 61
OUTSIDE_DECADE = 5
"""The ridge is 1e-5 where the law of improbable tokens is checked (card T6)."""


def run(work: Work, _run: Run, listener: Listener) -> Extra:
    """Train under the condition that the work names, by descent and along the ridge path."""
    settings = validate(Settings, work.settings["settings"]).symmetric
    condition = work.settings["condition"]
    problem = make_problem(settings, condition, work.seed)
    target = Direction.of(problem.proxy)  # exact here: all subsets of one size
    rows, arrays, drift = _descend(settings, problem, target, work, listener)
    points = ridge_path(problem.probs, problem.shares, settings.width, [10.0**-k for k in settings.decades], work.seed)
    rows += path_rows(points, problem, target)
    numbers = {"target/nuclear_norm": target.norm, "problem/entropy": problem.entropy,
               "descent/column_sum_drift": drift}  # fmt: skip
    if condition == UNIFORM and OUTSIDE_DECADE in settings.decades:
        point = points[sorted(settings.decades).index(OUTSIDE_DECADE)]
        numbers["path/outside_error"] = outside_error(point, problem, settings)
    return Extra(numbers, rows=rows, arrays=arrays)


def make_problem(settings: Symmetric, condition: str, seed: int) -> Problem:
    """Return P and pi over all subsets, uneven where the condition says so."""
    support = problems.subsets(settings.vocabulary, settings.subset)
    generator = torch_generator(seed, "problem")
    probs = problems.even(support) if condition == UNIFORM else problems.uneven(support, generator)
    count = support.shape[1]
    uneven = condition == SHARES
    return Problem(probs, problems.uneven_shares(count, generator) if uneven else problems.even_shares(count))


def outside_error(point: RidgePoint, problem: Problem, settings: Symmetric) -> float:
    """Return the largest relative error of q = ridge k / (V sigma pi), the probability of a token outside its support.

    sigma = sqrt(C(V - 2, k - 1)) is the one singular value of the centred support of all k-subsets.
    """
    size, vocabulary = settings.subset, settings.vocabulary
    sigma = math.sqrt(math.comb(vocabulary - 2, size - 1))
    predicted = point.ridge * size / (vocabulary * sigma * problem.shares)
    errors = (point.logits.softmax(0) / predicted - 1).abs()
    return float(errors[~problem.support].max())


def _descend(
    settings: Symmetric, problem: Problem, target: Direction, work: Work, listener: Listener
) -> tuple[list[Measurement], dict[str, Tensor], float]:
    model = UnconstrainedFeatures.from_seed(
        settings.vocabulary, len(problem.shares), settings.width, settings.std, work.seed
    )
    first, drift, began = model.words.detach().sum(0).clone(), 0.0, time.monotonic()
    marks = [*log_steps(settings.steps, MARKS), settings.steps // 100, settings.steps // 10]
    rows: list[Measurement] = []
    arrays: dict[str, Tensor] = {}
    for one in descent(model, problem.probs, problem.shares, settings.lr, settings.steps, record_at=marks):
        rows += state_rows("descent", one.words, one.contexts, problem, target, step=one.step)
        drift = max(drift, float((one.words.sum(0) - first).abs().max()))
        rate = one.step / max(time.monotonic() - began, 1e-9)
        listener(Event(work.name, one.step, settings.steps, rate))
        if one.step == settings.steps:
            arrays = picture_arrays(one.words, one.contexts, problem, target)
    return rows, arrays, drift
