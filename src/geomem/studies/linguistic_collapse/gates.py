"""Class means whose geometry is known, to see whether the numbers of collapse say what they must."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor

from geomem.geometry.class_agreement import ClassAgreement
from geomem.geometry.class_means import ClassMeans, ClassTable
from geomem.geometry.collapse import CollapseReport, collapse_report
from geomem.seeding import torch_generator
from geomem.spec import validate
from geomem.studies.linguistic_collapse.settings import Gates
from geomem.training.work import Extra

if TYPE_CHECKING:
    from geomem.runs.directory import Run
    from geomem.training.progress import Listener
    from geomem.training.work import Work

SAMPLES = 6
"""States of every class."""

UNCHANGED = ("cdnv", "variance_ratio", "norm_cov", "etf_error", "log_kernel", "log_kernel_cov", "dual_cosine", "nc4")
"""Numbers that no common scale of the states changes."""


def run_gates(work: Work, _run: Run, _listener: Listener) -> Extra:
    """Measure a perfect simplex, what scaling and shifting change, and random means."""
    gates = validate(Gates, work.settings["gates"])
    generator = torch_generator(work.seed, "gates")
    return Extra({
        **_named("simplex", simplex_numbers(gates.simplex, generator)),
        **_named("scaling", scaling_errors(gates.scale, generator)),
        **_named("shift", shift_errors(generator)),
        **_named("random", random_numbers(gates.classes, gates.width, generator)),
    })  # fmt: skip


def simplex_numbers(classes: int, generator: Generator) -> Mapping[str, float]:
    """Return the numbers of a collapsed network: states on the corners of a turned simplex, output rows along them."""
    corners = simplex(classes, generator)
    means = 2.5 * corners
    found = report(_repeated(means), means, rows=corners)
    names = ("cdnv", "norm_cov", "etf_error", "log_kernel_cov", "dual_cosine", "nc4")
    return {name: found[name].value for name in names}


def scaling_errors(scale: float, generator: Generator) -> Mapping[str, float]:
    """Return by how much stretched states change what must stay, and miss what must change (`cdnv_squared`)."""
    states, means, rows = _noisy(generator)
    one, other = report(states, means, rows=rows), report(scale * states, scale * means, rows=rows)
    errors = [_relative(other[name].value, one[name].value) for name in UNCHANGED]
    law = _relative(other["cdnv_squared"].value, one["cdnv_squared"].value / scale**2)
    return {"unchanged": max(errors), "squared": law}


def shift_errors(generator: Generator) -> Mapping[str, float]:
    """Return by how much a constant added to all states changes the numbers, the output layer's bias made up for it."""
    states, means, rows = _noisy(generator)
    constant = torch.randn(states.shape[1], generator=generator, dtype=torch.float64)
    one = report(states, means, rows=rows)
    other = report(states + constant, means + constant, rows=rows, bias=-rows @ constant)
    return {"unchanged": max(_relative(other[name].value, one[name].value) for name in one)}


def random_numbers(classes: int, width: int, generator: Generator) -> Mapping[str, float]:
    """Return the kernels of random Gaussian means, and their mean cosine with random output rows."""
    means, rows = (torch.randn(classes, width, generator=generator, dtype=torch.float64) for _ in range(2))
    table = ClassTable(torch.arange(classes), torch.full((classes,), SAMPLES), means, torch.ones(classes))
    found = collapse_report(table, rows)
    return {name: found[name].value for name in ("log_kernel", "log_kernel_cov", "dual_cosine")}


def simplex(classes: int, generator: Generator) -> Tensor:
    """Return the corners of a regular simplex about the origin in a random orientation, (K, K - 1), of length 1."""
    centred = torch.eye(classes, dtype=torch.float64) - 1 / classes
    left, sizes, _ = torch.linalg.svd(centred)
    turn = torch.linalg.qr(torch.randn(classes - 1, classes - 1, generator=generator, dtype=torch.float64)).Q
    return math.sqrt(classes / (classes - 1)) * (left * sizes)[:, :-1] @ turn


def report(states: Tensor, unseen: Tensor, *, rows: Tensor, bias: Tensor | None = None) -> CollapseReport:
    """Return the numbers of states (K n, d), `SAMPLES` of each class in turn; NC4 is judged on `unseen` (m, d)."""
    metric = ClassMeans(torch.arange(len(rows)), states.shape[1])
    metric.update(states, torch.arange(len(states)) % len(rows))
    table = metric.table()
    agreement = ClassAgreement(table, rows, bias)
    agreement.update(unseen)
    return collapse_report(table, rows, agreement=agreement)


def _noisy(generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Return states of 20 classes in 12 dimensions, unseen states, and output rows that half agree with the means."""
    means, noise, other = (torch.randn(20, 12, generator=generator, dtype=torch.float64) for _ in range(3))
    spread = torch.randn(20 * SAMPLES, 12, generator=generator, dtype=torch.float64)
    return _repeated(means) + 0.5 * spread, means + 0.5 * noise, means + other


def _repeated(means: Tensor) -> Tensor:
    return means.repeat(SAMPLES, 1)


def _relative(found: float, expected: float) -> float:
    return abs(found - expected) / abs(expected)


def _named(gate: str, numbers: Mapping[str, float]) -> dict[str, float]:
    return {f"{gate}/{name}": value for name, value in numbers.items()}
