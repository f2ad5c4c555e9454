"""Evidence made up for the predicates: numbers by condition and seed, as if read from finished cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from geomem.errors import RunError
from geomem.runs.tables import History
from geomem.studies.evidence import Evidence
from geomem.studies.geometric_memory.settings import LAPTOP, Settings

Course = dict[int, float]


class Made(Evidence):
    """numbers: (condition, metric) -> a value a seed, or a course {step: value} a seed."""

    def __init__(self, numbers: dict[tuple[str, str], list[Any]], settings: Settings = LAPTOP) -> None:
        super().__init__(Path("made-up"), settings)
        self.numbers = numbers
        self.cells = {
            (condition, seed): Path() for (condition, _), values in numbers.items() for seed in range(len(values))
        }

    def _value(self, condition: str, seed: int, metric: str) -> float:
        value = self._known(condition, seed, metric)
        return value[max(value)] if isinstance(value, dict) else value

    def history(self, condition: str, seed: int) -> History:
        history = History()
        for (name, metric), values in self.numbers.items():
            if name == condition:
                course: Course = values[seed] if isinstance(values[seed], dict) else {0: values[seed]}
                rows = {step: {} for step in history.steps} | {step: {metric: value} for step, value in course.items()}
                merged = History()
                for step in sorted(rows):
                    old = {key: column[history.steps.index(step)] for key, column in history.columns.items()
                           if step in history.steps}  # fmt: skip
                    merged.add(step, {**{key: value for key, value in old.items() if value is not None}, **rows[step]})
                history = merged
        return history

    def _known(self, condition: str, seed: int, metric: str) -> Any:
        if (condition, metric) not in self.numbers:
            raise RunError(f"'{metric}' was not measured in condition '{condition}' of made-up")
        return self.numbers[(condition, metric)][seed]
