"""Evidence made up for the predicates: numbers by condition and seed, as if read from finished cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from geomem.runs.tables import Measurement
from geomem.studies.evidence import Evidence
from geomem.studies.geometric_memory.settings import LAPTOP, Settings


class Made(Evidence):
    """numbers: (condition, metric) -> a value a seed, or a course {step: value} a seed."""

    def __init__(self, numbers: dict[tuple[str, str], list[Any]], settings: Settings = LAPTOP) -> None:
        super().__init__(Path("made-up"), settings)
        self.numbers = numbers
        self.cells = {
            (condition, seed): self.directory
            for (condition, _), values in numbers.items()
            for seed in range(len(values))
        }

    def _all(self, condition: str, seed: int) -> list[Measurement]:
        found = {metric: values[seed] for (name, metric), values in self.numbers.items() if name == condition}
        return [
            Measurement(metric=metric, step=step, value=one)
            for metric, value in found.items()
            for step, one in (value if isinstance(value, dict) else {0: value}).items()
        ]
