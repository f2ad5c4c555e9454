"""What the cells of one experiment left on disk, read back for claims and pictures."""

from __future__ import annotations

import math
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomem.errors import RunError
from geomem.runs.directory import Run
from geomem.runs.tables import History, Measurement, read_measurements


class Evidence:
    """The finished cells of an experiment, by condition and seed.

    settings: the study's settings of this run (the scale with `--set` applied).
    """

    def __init__(self, directory: Path, settings: Any) -> None:
        self.directory = directory
        self.settings = settings
        self._rows: dict[tuple[str, int], list[Measurement]] = {}

    @cached_property
    def ended(self) -> dict[tuple[str, int], Run]:
        """Return every cell that came to its end, the diverged ones included."""
        found: dict[tuple[str, int], Run] = {}
        for file in sorted(self.directory.glob("*/seed-*/run.json")):
            run = Run.open(file.parent)
            if run.finished:
                found[(file.parent.parent.name, int(file.parent.name.removeprefix("seed-")))] = run
        return found

    @cached_property
    def cells(self) -> dict[tuple[str, int], Path]:
        """Return the run directory of every finished cell that did not diverge."""
        return {key: run.path for key, run in self.ended.items() if run.info.status != "diverged"}

    @property
    def conditions(self) -> list[str]:
        """Return the conditions that have a finished cell."""
        return sorted({condition for condition, _ in self.cells})

    def seeds(self, condition: str) -> list[int]:
        """Return the seeds of a condition. Raises RunError when it has none."""
        seeds = sorted(seed for name, seed in self.cells if name == condition)
        if not seeds:
            raise RunError(f"no finished run of condition '{condition}' in {self.directory.name}")
        return seeds

    def measured(self, condition: str, metric: str, layer: int | None = None, *, control: str = "") -> dict[int, float]:
        """Return the final value of a metric (at a layer) for every seed, NaN for a seed that diverged.

        So a claim never rests on the seeds that happened to survive. control: a control that the cell measured beside
        it, such as "untrained". Raises RunError when it was not measured.
        """
        values = {seed: self._at(condition, seed, metric, control, layer)[-1].value for seed in self.seeds(condition)}
        lost = {seed: math.nan for name, seed in self.ended if name == condition and seed not in values}
        return dict(sorted({**values, **lost}.items()))

    def history(self, condition: str, seed: int) -> History:
        """Return the history of a cell."""
        return History.read(self.cells[(condition, seed)] / "history.parquet")

    def best(self, condition: str, metric: str) -> dict[int, float]:
        """Return the largest value a metric took during training, for every seed."""
        return {seed: max(self.series(condition, seed, metric)[1]) for seed in self.seeds(condition)}

    def profile(self, condition: str, seed: int, metric: str, *, control: str = "") -> tuple[list[int], list[float]]:
        """Return the layers and the final values of a metric, in the order of layers.

        Raises RunError when it was measured at no layer.
        """
        rows = self._found(condition, seed, metric, control)
        last = {row.layer: row.value for row in rows if row.layer is not None}
        if not last:
            raise RunError(f"'{metric}' has no layers in condition '{condition}' of {self.directory.name}")
        return sorted(last), [last[layer] for layer in sorted(last)]

    def series(self, condition: str, seed: int, metric: str, layer: int | None = None) -> tuple[list[int], list[float]]:
        """Return the steps and values of a metric (at a layer), from a training's history or a work's rows.

        Raises RunError when it was never evaluated.
        """
        if layer is None and (self.cells[(condition, seed)] / "history.parquet").is_file():
            steps, values = self.history(condition, seed).series(metric)
        else:
            rows = [row for row in self._at(condition, seed, metric, "", layer) if row.step is not None]
            steps, values = [row.step for row in rows if row.step is not None], [row.value for row in rows]
        if not steps:
            raise self._missing(condition, metric)
        return steps, values

    def arrays(self, condition: str, seed: int) -> dict[str, NDArray[Any]]:
        """Return the arrays a cell kept. Raises RunError when it kept none."""
        from safetensors.numpy import load_file

        file = self.cells[(condition, seed)] / "arrays.safetensors"
        if not file.is_file():
            raise RunError(f"{file} is missing")
        return {name: np.asarray(array) for name, array in load_file(file).items()}

    def rows(self, study: str) -> list[Measurement]:
        """Return all numbers of the experiment as rows of the long table, layers and steps kept.

        A control that a cell measured has the condition "CELL/CONTROL".
        """
        place = {"study": study, "experiment": self.directory.name}
        return [
            row.model_copy(
                update={**place, "seed": seed, "condition": "/".join(filter(None, (condition, row.condition)))}
            )
            for condition, seed in self.cells
            for row in self._all(condition, seed)
        ]

    def _all(self, condition: str, seed: int) -> list[Measurement]:
        key = (condition, seed)
        if key not in self._rows:
            self._rows[key] = read_measurements(self.cells[key] / "measurements.parquet")
        return self._rows[key]

    def _found(self, condition: str, seed: int, metric: str, control: str) -> list[Measurement]:
        """Return the rows of a metric, of all layers, in the order of steps."""
        rows = [row for row in self._all(condition, seed) if row.metric == metric and row.condition == control]
        if not rows:
            raise self._missing(condition, metric)
        return sorted(rows, key=lambda row: -1 if row.step is None else row.step)

    def _at(self, condition: str, seed: int, metric: str, control: str, layer: int | None) -> list[Measurement]:
        """Return the rows of a metric at one layer (None: those without a layer), in the order of steps."""
        rows = [row for row in self._found(condition, seed, metric, control) if row.layer == layer]
        if not rows:
            raise self._missing(condition, metric, "without a layer" if layer is None else f"at layer {layer}")
        return rows

    def _missing(self, condition: str, metric: str, where: str = "") -> RunError:
        what = f"'{metric}' was not measured {where}".strip()
        return RunError(f"{what} in condition '{condition}' of {self.directory.name}")
