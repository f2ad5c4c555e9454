"""Results on their way to the table: rows of one model under one condition, and arrays for its pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from geomem.runs.tables import Measurement

CHANCE = "chance"
"""Condition of the rows that say what a measurement gives when nothing was learned."""


@dataclass
class Rows:
    """Numbers of one model under one condition ("" measured, "untrained", "shuffled"), and arrays by name.

    lines: sentences for the reader, such as what was left out and why.
    """

    model: str
    condition: str = ""
    step: int | None = None
    seed: int | None = None
    rows: list[Measurement] = field(default_factory=list[Measurement])
    arrays: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    lines: list[str] = field(default_factory=list[str])

    def add(
        self, metric: str, value: float, *, layer: int | None = None, interval: tuple[float, float] | None = None
    ) -> None:
        """Add a number, with its 95 % interval where it has one. A value that could not be computed (NaN) is kept."""
        low, high = interval if interval is not None else (None, None)
        self.rows.append(self._row(metric, value, layer, low, high, self.condition))

    def chance(self, metric: str, value: float, *, layer: int | None = None) -> None:
        """Add what `metric` is when nothing was learned."""
        self.rows.append(self._row(metric, value, layer, None, None, CHANCE))

    def extend(self, rows: list[Measurement]) -> None:
        """Add rows made elsewhere, as this model's under this condition."""
        own = {"model": self.model, "step": self.step, "seed": self.seed}
        for row in rows:
            condition = row.condition or self.condition
            self.rows.append(row.model_copy(update={**own, "condition": condition}))

    def take(self, other: Rows) -> None:
        """Add what another measurement of the same model has found: rows, arrays and lines."""
        self.extend(other.rows)
        self.arrays |= other.arrays
        self.lines += other.lines

    def only(self, layers: Sequence[int]) -> None:
        """Drop the rows of other layers, if any layers are given, and say so.

        A skip plan is about all blocks, and stays whole.
        """
        if not layers:
            return
        wanted = {None, *layers}
        self.rows = [row for row in self.rows if row.layer in wanted or row.metric.startswith("plan/")]
        if not self.condition:
            shown = ", ".join(map(str, sorted(set(layers))))
            self.lines.append(f"measured at layers {shown} only: lowest, largest and so many blocks are among these")

    def value(self, metric: str, layer: int | None = None) -> float:
        """Return the measured value of a metric; NaN when it is not there."""
        for row in self.rows:
            if row.metric == metric and row.layer == layer and row.condition == self.condition:
                return row.value
        return math.nan

    def keep(self, arrays: Mapping[str, Tensor]) -> None:
        """Keep arrays for pictures, in float32 where they are floating point."""
        for name, array in arrays.items():
            plain = array.detach().cpu()
            self.arrays[name] = plain.float().contiguous() if plain.is_floating_point() else plain.contiguous()

    def _row(
        self, metric: str, value: float, layer: int | None, low: float | None, high: float | None, condition: str
    ) -> Measurement:
        return Measurement(
            model=self.model, condition=condition, layer=layer, step=self.step, seed=self.seed, metric=metric,
            value=float(value), low=None if low is None else float(low), high=None if high is None else float(high),
        )  # fmt: skip


def scalar(value: Tensor | float) -> float:
    """Return a number from a zero-dimensional tensor or a float."""
    return float(value.detach()) if isinstance(value, torch.Tensor) else float(value)
