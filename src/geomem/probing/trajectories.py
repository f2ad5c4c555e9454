"""How a series of checkpoints changed: every measurement over training, and the phases of representation geometry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from geomem.geometry.phases import Checkpoint, Phase, detect_phases
from geomem.numbers import number
from geomem.probing.findings import Probed
from geomem.probing.labels import LABELS, is_log, title_of
from geomem.runs.exhibits import Cell, Curves, ExhibitBase, Heatmap, HeatmapPanel, Series, Table
from geomem.runs.tables import Measurement


@dataclass
class Course:
    """Rows, pictures and sentences about a series."""

    rows: list[Measurement] = field(default_factory=list[Measurement])
    exhibits: list[ExhibitBase] = field(default_factory=list[ExhibitBase])
    sentences: list[str] = field(default_factory=list[str])


def trajectory(models: Sequence[Probed]) -> Course:
    """Follow every measurement over the steps of a series, in the order of its steps."""
    course = Course()
    order = 1
    for metric in LABELS:
        curves = _curves(models, metric, order)
        if curves is not None:
            course.exhibits.append(curves)
            order += 1
    loss = _loss(models)
    course.exhibits += [] if loss is None else [loss]
    course.exhibits += _maps(models)
    for layer in _shown(models):
        _phases(models, layer, course)
    return course


def checkpoints(models: Sequence[Probed], layer: int) -> list[Checkpoint]:
    """Return RankMe and alpha of one layer at every step, with their intervals."""
    found: list[Checkpoint] = []
    for one in models:
        rank, alpha = (
            one.measured.profile("spectrum/rankme").get(layer),
            one.measured.profile("spectrum/alpha").get(layer),
        )
        if rank is None:
            continue
        found.append(Checkpoint(
            step=float(one.measured.step or 0), rankme=rank.value, alpha=math.nan if alpha is None else alpha.value,
            rankme_interval=_interval(rank), alpha_interval=None if alpha is None else _interval(alpha),
        ))  # fmt: skip
    return found


def _phases(models: Sequence[Probed], layer: int, course: Course) -> None:
    """Add the phases of one layer as rows, and those of the last layer as a table and a sentence."""
    phases = detect_phases(checkpoints(models, layer))
    last = models[-1]
    for place, phase in enumerate(phases):
        for name, value in (("start", phase.start), ("end", phase.end), ("change", phase.change)):
            course.rows.append(Measurement(
                model=last.measured.model, condition=phase.name, layer=layer, metric=f"phases/{place}_{name}",
                value=value, ))  # fmt: skip
    if layer != last.layers or not models[0].measured.profile("spectrum/rankme"):
        return
    rows: list[tuple[Cell, ...]] = [
        (one.name, one.start, one.end, one.change, _known(one.alpha_change)) for one in phases
    ]
    if rows:
        course.exhibits.append(Table(
            id="phases", title="Phases of representation geometry, last layer", experiment="training", order=0,
            columns=("phase", "from step", "to step", "change of RankMe", "change of alpha"), rows=tuple(rows),
            caption="Stretches between turning points of RankMe that exceed 5 % and the noise; named by the "
                    "directions of "
            "RankMe and alpha (arXiv 2509.23024).",
        ))  # fmt: skip
    course.sentences.append(_in_words(phases, models))


def _in_words(phases: Sequence[Phase], models: Sequence[Probed]) -> str:
    steps = f"{len(models)} checkpoints, step {models[0].measured.step} to {models[-1].measured.step}"
    if not phases:
        return f"Over {steps}, effective rank at the last layer does not change by more than 5 % and its noise."
    parts = [f"{one.name} from step {number(one.start)} to {number(one.end)} (RankMe "
             f"{'+' if one.change >= 0 else ''}{number(one.change, percent=True)})" for one in phases]  # fmt: skip
    return f"Over {steps}, the last layer goes through: {'; '.join(parts)}."


def _curves(models: Sequence[Probed], metric: str, order: int) -> Curves | None:
    """Return a measurement over steps at the first, a middle and the last layer that has it."""
    steps = [one.measured.step or 0 for one in models]
    series: list[Series] = []
    layers = sorted({layer for one in models for layer in one.measured.profile(metric)})
    if not layers:
        return None
    chosen = sorted({layers[0], layers[len(layers) // 2], layers[-1]})
    for slot, layer in enumerate(chosen):
        rows = [(step, one.measured.profile(metric).get(layer)) for step, one in zip(steps, models, strict=True)]
        known = [(step, row) for step, row in rows if row is not None and math.isfinite(row.value)]
        if len(known) < 2:
            continue
        bounds = [_interval(row) for _, row in known]
        full = [bound for bound in bounds if bound is not None]
        banded = len(full) == len(known)
        series.append(Series(
            name=f"layer {layer}", x=tuple(step for step, _ in known), y=tuple(row.value for _, row in known),
            colour=slot, low=tuple(low for low, _ in full) if banded else None, high=tuple(high for _, high in full) if
            banded else None, ))  # fmt: skip
    if not series:
        return None
    wide = max(steps) > 50 * max(1, min(step for step in steps if step > 0))
    log = is_log(metric) and all(value > 0 for one in series for value in one.y)
    return Curves(id=f"training-{metric.replace('/', '-')}", title=title_of(metric), experiment="training", order=order,
                  series=tuple(series), log_x=wide, log_y=log, hero=metric == "spectrum/rankme")  # fmt: skip


def _loss(models: Sequence[Probed]) -> Curves | None:
    rows = [(one.measured.step or 0, one.measured.number("model/loss")) for one in models]
    known = [(step, row) for step, row in rows if row is not None]
    if len(known) < 2:
        return None
    steps = [step for step, _ in known]
    wide = max(steps) > 50 * max(1, min((step for step in steps if step > 0), default=1))
    return Curves(
        id="training-loss", title="Loss on the text", experiment="training", order=1, log_x=wide,
        y_label="nats a token", series=(Series(name="loss", x=tuple(steps), y=tuple(row.value for _, row in known)),),
    )  # fmt: skip


def _maps(models: Sequence[Probed]) -> list[ExhibitBase]:
    """Return effective rank and lens by layer and step."""
    found: list[ExhibitBase] = []
    for metric in ("spectrum/rankme", "spectrum/alpha"):
        profiles = [one.measured.profile(metric) for one in models]
        if not all(profiles):
            continue
        layers = sorted(profiles[0])
        matrix = tuple(tuple(profile[layer].value if layer in profile else math.nan for profile in profiles)
                       for layer in layers)  # fmt: skip
        found.append(Heatmap(
            id=f"training-map-{metric.replace('/', '-')}", title=f"{title_of(metric)}, layers over training",
            experiment="training", order=200, panels=(HeatmapPanel(title=title_of(metric), matrix=matrix),),
            row_names=tuple(str(layer) for layer in layers), col_names=tuple(str(one.measured.step) for one in models),
            x_label="step", y_label="layer", value_label=title_of(metric),
        ))  # fmt: skip
    return found


def _shown(models: Sequence[Probed]) -> list[int]:
    return list(range(models[-1].layers + 1))


def _interval(row: Measurement) -> tuple[float, float] | None:
    if row.low is None or row.high is None or not math.isfinite(row.low + row.high):
        return None
    return row.low, row.high


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
