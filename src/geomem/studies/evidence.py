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
        self._rows: dict[tuple[str, int], dict[str, float]] = {}

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

    def measured(self, condition: str, metric: str) -> dict[int, float]:
        """Return the final value of a metric for every seed, NaN for a seed that diverged.

        So a claim never rests on the seeds that happened to survive. Raises RunError when it was not measured.
        """
        values = {seed: self._value(condition, seed, metric) for seed in self.seeds(condition)}
        lost = {seed: math.nan for name, seed in self.ended if name == condition and seed not in values}
        return dict(sorted({**values, **lost}.items()))

    def history(self, condition: str, seed: int) -> History:
        """Return the history of a cell."""
        return History.read(self.cells[(condition, seed)] / "history.parquet")

    def best(self, condition: str, metric: str) -> dict[int, float]:
        """Return the largest value a metric took during training, for every seed."""
        return {seed: max(self.series(condition, seed, metric)[1]) for seed in self.seeds(condition)}

    def series(self, condition: str, seed: int, metric: str) -> tuple[list[int], list[float]]:
        """Return the steps and values of a metric. Raises RunError when it was never evaluated."""
        steps, values = self.history(condition, seed).series(metric)
        if not steps:
            raise RunError(f"'{metric}' was not measured in condition '{condition}' of {self.directory.name}")
        return steps, values

    def arrays(self, condition: str, seed: int) -> dict[str, NDArray[Any]]:
        """Return the arrays a cell kept. Raises RunError when it kept none."""
        from safetensors.numpy import load_file

        file = self.cells[(condition, seed)] / "arrays.safetensors"
        if not file.is_file():
            raise RunError(f"{file} is missing")
        return {name: np.asarray(array) for name, array in load_file(file).items()}

    def rows(self, study: str) -> list[Measurement]:
        """Return all final numbers of the experiment as rows of the long table."""
        place = {"study": study, "experiment": self.directory.name}
        return [
            row.model_copy(update={**place, "condition": condition, "seed": seed})
            for (condition, seed), path in self.cells.items()
            for row in read_measurements(path / "measurements.parquet")
        ]

    def _value(self, condition: str, seed: int, metric: str) -> float:
        key = (condition, seed)
        if key not in self._rows:
            rows = read_measurements(self.cells[key] / "measurements.parquet")
            self._rows[key] = {row.metric: row.value for row in rows}
        if metric not in self._rows[key]:
            raise RunError(f"'{metric}' was not measured in condition '{condition}' of {self.directory.name}")
        return self._rows[key][metric]
