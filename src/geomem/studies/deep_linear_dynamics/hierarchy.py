"""Features of a tree: its spectrum, and the order in which a network learns its levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.geometry.deep_linear import effective_start, half_time
from geomem.geometry.mode_strength import crossing_times, grouped, linear_start, mode_strengths
from geomem.geometry.tree_spectrum import tree_covariance, tree_spectrum
from geomem.graphs.branching_diffusion import branching_features
from geomem.models.deep_linear import DeepLinear
from geomem.runs.tables import Measurement
from geomem.seeding import stream_seed
from geomem.solvers.gradient_flow import Course, follow, product
from geomem.spec import validate
from geomem.studies.deep_linear_dynamics.settings import Hierarchy
from geomem.studies.deep_linear_dynamics.tanh_network import follow_tanh
from geomem.studies.deep_linear_dynamics.watch import by_mode, every, thinned
from geomem.training.progress import Event
from geomem.training.work import Extra

if TYPE_CHECKING:
    from geomem.runs.directory import Run
    from geomem.training.progress import Listener
    from geomem.training.work import Work

RECORDS = 800


def run_hierarchy(work: Work, _run: Run, listener: Listener) -> Extra:
    """Compare spectra, then train a linear and a tanh network from the same weights."""
    own = validate(Hierarchy, work.settings["hierarchy"])
    listener(Event(work.name, 0, 3))
    numbers, rows = spectra(own, work.seed)
    listener(Event(work.name, 1, 3))
    found, more, arrays = stages(own, work.seed, listener, work.name)
    return Extra(numbers | found, arrays, [*rows, *more])


def spectra(own: Hierarchy, seed: int) -> tuple[dict[str, float], list[Measurement]]:
    """Return how far the formula is from the exact covariance, and drawn features from the formula, by level."""
    theory = tree_spectrum(own.branching, own.flip)
    exact = torch.linalg.eigvalsh(tree_covariance(own.branching, own.flip)).flip(0)
    expanded = torch.repeat_interleave(theory.eigenvalues, theory.multiplicities)
    level = levels_of(theory.multiplicities)
    drawn = torch.zeros(len(level), dtype=torch.float64)
    for draw in range(own.draws):
        table = torch.from_numpy(
            branching_features(own.branching, own.flip, own.features, stream_seed(seed, "draw", draw))
        )
        drawn += torch.linalg.svdvals(table)[: len(level)].square() / own.features / own.draws
    by_level = grouped(drawn, level, len(theory.eigenvalues))
    kept = theory.multiplicities > 0
    numbers = {
        "spectrum/error": float((expanded - exact).abs().max()),
        "spectrum/drawn_error": float((by_level / theory.eigenvalues - 1).abs()[kept].max()),
    }
    rows = [
        *by_mode("spectrum/eigenvalue", by_level),
        *by_mode("spectrum/eigenvalue", theory.eigenvalues, "theory"),
        *by_mode("spectrum/multiplicity", theory.multiplicities),
    ]
    return numbers, rows


def stages(
    own: Hierarchy, seed: int, listener: Listener, name: str
) -> tuple[dict[str, float], list[Measurement], dict[str, Tensor]]:
    """Return when each level of one drawn table is learned, by a linear and by a tanh network."""
    theory = tree_spectrum(own.branching, own.flip)
    level = levels_of(theory.multiplicities)
    count = len(theory.eigenvalues)
    table = torch.from_numpy(branching_features(own.branching, own.flip, own.features, seed))
    left, s, right = torch.linalg.svd(table, full_matrices=False)
    model = DeepLinear.small_random((table.shape[1], own.hidden, own.features), own.std, seed)
    steps, stride = round(own.time / own.step), every(own.time, own.step, RECORDS)

    def seen(output: Tensor) -> Tensor:
        return mode_strengths(output, left, right.mT)

    linear = follow(model.weights, table, step=own.step, steps=steps, record_every=stride,
                    observe=lambda now: seen(product(now)))  # fmt: skip
    listener(Event(name, 2, 3, note="tanh"))
    tanh = follow_tanh(model.weights, table, step=own.step, steps=steps, record_every=stride, observe=seen)
    mean_s = grouped(s, level, count)
    halves, curved = (level_halves(course, level, mean_s) for course in (linear, tanh))
    kept = theory.multiplicities > 0
    scaled = (mean_s * halves)[kept]
    fitted = half_time(mean_s[kept], effective_start(mean_s[:1], halves[:1]))
    first, second = model.weights
    read = grouped(half_time(s, linear_start(first, second, left, right.mT)), level, count)
    numbers = {
        # The two smallest neighbours decide: above 0 the levels are learned strictly in order.
        "stages/smallest_wait": float(torch.diff(halves[kept]).min()),
        "stages/variation": float(scaled.std(correction=0) / scaled.mean()),
        "stages/tanh_smallest_wait": float(torch.diff(curved[kept]).min()),
        "stages/tanh_error": float((curved[kept] / fitted - 1).abs().max()),
        "stages/linear_error": float((halves[kept] / fitted - 1).abs().max()),
    }
    rows = [
        *by_mode("stages/half_time", halves),
        *by_mode("stages/half_time", curved, "tanh"),
        *by_mode("stages/half_time", read, "theory"),
        *by_mode("stages/singular_value", mean_s),
    ]
    times, shown = thinned(linear)
    return numbers, rows, {
        "stages/times": times,
        "stages/linear": grouped(shown, level, count) / mean_s,
        "stages/tanh": grouped(thinned(tanh)[1], level, count) / mean_s,
    }  # fmt: skip


def levels_of(multiplicities: Tensor) -> Tensor:
    """Return the level of each mode, modes in the order of falling singular values."""
    return torch.repeat_interleave(torch.arange(len(multiplicities)), multiplicities)


def level_halves(course: Course, level: Tensor, mean_s: Tensor) -> Tensor:
    """Return when the mean strength of each level is half its mean singular value."""
    means = grouped(course.seen, level, len(mean_s))
    return crossing_times(course.times, means.nan_to_num(), mean_s.nan_to_num(nan=torch.inf) / 2)
