"""Contexts that share a support and not its frequencies, and whether their embeddings become one direction."""

from __future__ import annotations

import math

import torch

from geomem.geometry.next_token import directional_part
from geomem.geometry.subspace_collapse import subspace_collapse, support_groups
from geomem.geometry.vectors import unit_rows
from geomem.runs.directory import Run
from geomem.runs.tables import Measurement
from geomem.seeding import torch_generator
from geomem.solvers.ridge_path import walk_ridge_path
from geomem.spec import validate
from geomem.studies.implicit_geometry_ntp import problems
from geomem.studies.implicit_geometry_ntp.problems import Problem
from geomem.studies.implicit_geometry_ntp.settings import Collapse, Settings
from geomem.training.progress import Event, Listener
from geomem.training.work import Extra, Work

EMBEDDINGS, DIRECTIONAL, FREQUENCIES = "embeddings", "directional", "frequencies"
"""What is grouped: H, L - P_F L, and P itself, the baseline."""


def run(work: Work, _run: Run, listener: Listener) -> Extra:
    """Follow the collapse along the ridge path."""
    settings = validate(Settings, work.settings["settings"]).collapse
    problem = make_problem(settings, work.seed)
    groups = support_groups(problem.support)
    rows = [
        Measurement(metric=f"{FREQUENCIES}/{name}", value=value)
        for name, value in subspace_collapse(problem.probs, groups).numbers().items()
    ]
    order = groups.argsort(stable=True)
    arrays = {"groups": groups[order].float(), "frequencies": _cosines(problem.probs[:, order])}
    ridges = [10.0**-k for k in settings.decades]
    for count, point in enumerate(walk_ridge_path(problem.probs, problem.shares, settings.width, ridges, work.seed)):
        decade = round(-math.log10(point.ridge))
        parts = {EMBEDDINGS: point.contexts, DIRECTIONAL: directional_part(point.logits, problem.support)}
        rows += [
            Measurement(metric=f"{part}/{name}", layer=decade, value=value)
            for part, columns in parts.items()
            for name, value in subspace_collapse(columns, groups).numbers().items()
        ]
        arrays[f"embeddings_{decade}"] = _cosines(point.contexts[:, order])
        listener(Event(work.name, count + 1, len(ridges)))
    return Extra({}, rows=rows, arrays=arrays)


def make_problem(settings: Collapse, seed: int) -> Problem:
    """Return distinct random supports, each with several contexts that differ in their frequencies; pi is even.

    Supports have at least two tokens, as contexts with one possible token cannot differ in frequencies.
    """
    generator = torch_generator(seed, "problem")
    drawn = problems.random_supports(settings.vocabulary, 50 * settings.supports, settings.largest, generator, least=2)
    distinct = torch.unique(drawn, dim=1)
    kept = distinct[:, torch.randperm(distinct.shape[1], generator=generator)[: settings.supports]]
    support = kept.repeat(1, settings.each)
    return Problem(problems.uneven(support, generator), problems.even_shares(support.shape[1]))


def _cosines(columns: torch.Tensor) -> torch.Tensor:
    unit = unit_rows(columns.T)
    return unit @ unit.T
