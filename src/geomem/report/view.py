"""What the report reads of a run directory, in one place and in one shape."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from geomem.report.figures import AnyExhibit
from geomem.runs.directory import Run, RunInfo
from geomem.runs.exhibits import Curves, Reference, Series, Verdict, read_exhibits, read_verdicts
from geomem.runs.tables import CHANCE, History, Measurement, read_measurements

_MOST_SERIES = 6
_TITLES = {"loss": "Loss", "lr": "Learning rate"}


@dataclass(frozen=True)
class CellCost:
    """What one trained cell of a study cost."""

    experiment: str
    condition: str
    seed: str
    seconds: float
    status: str


@dataclass(frozen=True)
class RunView:
    """A run as the report shows it."""

    path: Path
    info: RunInfo
    exhibits: list[AnyExhibit]
    verdicts: list[Verdict]
    measurements: list[Measurement]
    history: History
    cells: list[CellCost] = field(default_factory=list[CellCost])

    @property
    def chance(self) -> dict[str, float]:
        """Chance level by metric."""
        rows = (row for row in self.measurements if row.metric.startswith(CHANCE))
        return {row.metric.removeprefix(CHANCE): row.value for row in rows}


def load_run_view(path: Path) -> RunView:
    """Read a run directory. Files a run has not written (yet) are empty.

    Raises RunError, one line, when it is no run, from another version, or damaged.
    """
    run = Run.open(path)
    measurements, history = path / "measurements.parquet", path / "history.parquet"
    view = RunView(
        path=path,
        info=run.info,
        exhibits=read_exhibits(path / "exhibits"),
        verdicts=read_verdicts(path / "verdicts.json"),
        measurements=read_measurements(measurements) if measurements.exists() else [],
        history=History.read(history) if history.exists() else History(),
        cells=_cells(path / "cells"),
    )
    if not view.exhibits:
        view.exhibits.extend(history_curves(view))
    return view


def history_curves(view: RunView) -> list[Curves]:
    """Return curves of everything in the history of a single training run: losses, then the scores by family."""
    families: dict[str, list[str]] = {}
    for name in sorted(view.history.columns):
        if len(view.history.series(name)[0]) > 0:
            families.setdefault(_family(name), []).append(name)
    drawn: list[Curves] = []
    for order, family in enumerate(sorted(families, key=lambda name: (name != "loss", name))):
        names = families[family]
        for start in range(0, len(names), _MOST_SERIES):
            part = names[start : start + _MOST_SERIES]
            drawn.append(_curves(view, family, part, 10 * order + start // _MOST_SERIES))
    return drawn


def _family(name: str) -> str:
    return "loss" if "loss" in name.rpartition("/")[2] or name.startswith("loss") else name.partition("/")[0]


def _curves(view: RunView, family: str, names: list[str], order: int) -> Curves:
    points = {name: view.history.series(name) for name in names}
    values = [value for _, ys in points.values() for value in ys]
    shortest = {name: name.removeprefix(f"{family}/") for name in names}
    references = [Reference(name=f"chance, {shortest[name]}" if len(names) > 1 else "chance", value=view.chance[name])
                  for name in names if name in view.chance and family != "loss"]  # fmt: skip
    return Curves(
        id=f"history-{_slug(family)}-{order}",
        title=_TITLES.get(family, family.replace("_", " ").capitalize()),
        order=order,
        series=tuple(Series(name=shortest[name], x=tuple(xs), y=tuple(ys)) for name, (xs, ys) in points.items()),
        references=tuple(references),
        y_label="loss (nats)" if family == "loss" else "",
        log_y=family == "loss" and min(values) > 0 and max(values) > 50 * min(values),
        percent=is_share(family, values),
    )


def is_share(name: str, values: Iterable[float]) -> bool:
    """Return whether a metric is shown in percent: in 0..1 all along, and neither a loss nor a learning rate."""
    return "loss" not in name and name != "lr" and all(0 <= value <= 1 for value in values)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-") or "x"


def _cells(directory: Path) -> list[CellCost]:
    costs: list[CellCost] = []
    for file in sorted(directory.glob("*/*/seed-*/run.json")):
        cell = file.parent
        info = Run.open(cell).info
        costs.append(CellCost(cell.parent.parent.name, cell.parent.name, cell.name.removeprefix("seed-"),
                              info.seconds, info.status))  # fmt: skip
    return costs
