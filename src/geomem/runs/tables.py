"""The columnar tables of a run: history (one row a step) and measurements (one row a number)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from geomem.errors import RunError
from geomem.runs.atomic import write_atomic_with

CHANCE = "chance/"
"""A measurement named `chance/METRIC` is the level of chance of METRIC."""

_HARDEST = ("paths/held_out/first_hop", "held_out/exact", "edges/accuracy")


class Measurement(BaseModel):
    """One number of a run, in the long format every table of geomem shares."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    study: str = ""
    experiment: str = ""
    condition: str = ""
    claim: str = ""
    model: str = ""
    layer: int | None = None
    step: int | None = None
    seed: int | None = None
    metric: str
    value: float
    low: float | None = None
    high: float | None = None


_MEASUREMENT_SCHEMA = pa.schema([
    *[(name, pa.string()) for name in ("study", "experiment", "condition", "claim", "model")],
    *[(name, pa.int64()) for name in ("layer", "step", "seed")],
    ("metric", pa.string()),
    *[(name, pa.float64()) for name in ("value", "low", "high")],
])  # fmt: skip


class History:
    """Numbers by step. Columns appear when first written; a step that lacks one holds null."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.columns: dict[str, list[float | None]] = {}

    def add(self, step: int, values: dict[str, float]) -> None:
        """Add `values` to the row of `step`, which must not lie before the last one."""
        if not self.steps or self.steps[-1] != step:
            if self.steps and step < self.steps[-1]:
                raise ValueError(f"history goes forward: step {step} after {self.steps[-1]}")
            self.steps.append(step)
            for column in self.columns.values():
                column.append(None)
        for name, value in values.items():
            column = self.columns.setdefault(name, [None] * len(self.steps))
            column[-1] = float(value)

    def series(self, name: str) -> tuple[list[int], list[float]]:
        """Return the steps at which `name` was written, and its values."""
        column = self.columns.get(name, [])
        pairs = [(step, value) for step, value in zip(self.steps, column, strict=False) if value is not None]
        return [step for step, _ in pairs], [value for _, value in pairs]

    def last(self, name: str) -> float | None:
        """Return the newest value of a column, or None."""
        values = self.series(name)[1]
        return values[-1] if values else None

    def state(self) -> dict[str, Any]:
        """Return plain lists that `from_state` turns back into an equal history."""
        return {"steps": list(self.steps), "columns": {name: list(column) for name, column in self.columns.items()}}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> History:
        """Rebuild a history from `state()`."""
        history = cls()
        history.steps = list(state["steps"])
        history.columns = {name: list(column) for name, column in state["columns"].items()}
        return history

    def write(self, path: Path) -> None:
        """Write as Parquet: `step`, then the columns by name."""
        columns: dict[str, Any] = {"step": pa.array(self.steps, pa.int64())}
        for name in sorted(self.columns):
            columns[name] = pa.array(self.columns[name], pa.float64())
        table = pa.table(columns)
        write_atomic_with(path, lambda partial: pq.write_table(table, partial))

    @classmethod
    def read(cls, path: Path) -> History:
        """Read what `write` wrote. Raises RunError when the file is missing or damaged."""
        table = _read(path)
        history = cls()
        data: dict[str, list[Any]] = table.to_pydict()
        history.steps = [int(step) for step in data.pop("step")]
        history.columns = data
        return history


def write_measurements(path: Path, rows: Sequence[Measurement]) -> None:
    """Write rows as one long Parquet table."""
    table = pa.Table.from_pylist([row.model_dump() for row in rows], schema=_MEASUREMENT_SCHEMA)
    write_atomic_with(path, lambda partial: pq.write_table(table, partial))


def read_measurements(path: Path) -> list[Measurement]:
    """Read the long table. Raises RunError when the file is missing or damaged."""
    return [Measurement(**row) for row in _read(path).to_pylist()]


def headline_metric(chance: Mapping[str, float]) -> str:
    """Return the score that says most of a training: the hardest of those with a level of chance; "" without any."""
    return next((name for name in _HARDEST if name in chance), next(iter(chance), ""))


def select(rows: Iterable[Measurement], **where: Any) -> list[Measurement]:
    """Return the rows whose fields equal `where`."""
    return [row for row in rows if all(getattr(row, name) == value for name, value in where.items())]


def _read(path: Path) -> pa.Table:
    if not path.is_file():
        raise RunError(f"{path}: missing; the run may not have come so far")
    try:
        return pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise RunError(f"{path}: cannot be read as Parquet ({error})") from None
