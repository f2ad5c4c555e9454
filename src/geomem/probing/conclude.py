"""The end of a probe: one table, pictures, the sentences of the first screen, written into the run."""

from __future__ import annotations

from collections.abc import Sequence

from geomem.probing.context_pictures import context_pictures
from geomem.probing.cross import compare_models
from geomem.probing.findings import Probed, findings, headline
from geomem.probing.keep import PassResult
from geomem.probing.knowledge_pictures import knowledge_pictures
from geomem.probing.pictures import pictures
from geomem.probing.plan_pictures import plan_pictures
from geomem.probing.spec import ProbeSpec
from geomem.probing.trajectories import trajectory
from geomem.runs.directory import Run
from geomem.runs.exhibits import write_exhibit
from geomem.runs.tables import write_measurements

SIDE_BY_SIDE = 4
"""Models drawn in one frame; of a longer series the last is drawn over depth, and all over training."""


def conclude(spec: ProbeSpec, run: Run, results: Sequence[PassResult]) -> None:
    """Write measurements, exhibits and the first screen of a probe whose passes have all ended."""
    models = group(results)
    rows = [row for one in results for row in one.rows]
    drawn = models[-1:] if spec.series or len(models) > SIDE_BY_SIDE else models
    exhibits = [
        *pictures(drawn),
        *plan_pictures(drawn),
        *knowledge_pictures(drawn, spec),
        *context_pictures(drawn, spec),
    ]
    notes: list[str] = []
    if spec.series:
        course = trajectory(models)
        rows += course.rows
        exhibits += course.exhibits
        notes += course.sentences
    elif len(models) > 1 and "comparison" in spec.measure:
        compared = compare_models(models, spec)
        rows += compared.rows
        exhibits += compared.exhibits
        notes += compared.sentences
    notes += sentences(drawn)
    write_measurements(run.path / "measurements.parquet", rows)
    for exhibit in exhibits:
        write_exhibit(run.path / "exhibits", exhibit)
    run.save_info(finding=" ".join(lead(one, len(drawn)) for one in drawn), notes=notes, remarks=remarks(drawn))


def group(results: Sequence[PassResult]) -> list[Probed]:
    """Put each model's passes together, in the order of the models."""
    found: dict[str, dict[str, PassResult]] = {}
    for one in results:
        found.setdefault(one.model, {})[one.condition] = one
    return [Probed(passes[""], passes.get("untrained"), passes.get("shuffled")) for passes in found.values()]


def lead(model: Probed, count: int) -> str:
    """Return the sentence under the title for one of `count` models."""
    said = headline(model)
    return said if count == 1 else f"{model.measured.model}: {said}"


def sentences(models: Sequence[Probed]) -> list[str]:
    """Return what is unusual about each model, most telling first."""
    return [f"{_of(one, models)}{found.text}" for one in models for found in findings(one)]


def remarks(models: Sequence[Probed]) -> list[str]:
    """Return what a reader should know of the numbers: what was left out and why, what stands behind them."""
    return [f"{_of(one, models)}{line}" for one in models for line in dict.fromkeys(one.measured.lines)]


def _of(model: Probed, models: Sequence[Probed]) -> str:
    return f"{model.measured.model}: " if len(models) > 1 else ""
