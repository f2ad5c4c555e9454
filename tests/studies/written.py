"""Evidence made up row by row, for judges and pictures of studies whose cells are works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomem.runs.tables import Measurement
from geomem.studies.evidence import Evidence


class Written(Evidence):
    """rows: (condition, seed) -> what its cell measured. arrays: the same for arrays."""

    def __init__(
        self, name: str, rows: Mapping[tuple[str, int], Sequence[Measurement]], settings: Any = None,
        arrays: Mapping[tuple[str, int], dict[str, NDArray[np.float64]]] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(Path(name), settings)
        self.written = {key: list(found) for key, found in rows.items()}
        self.kept = dict(arrays or {})
        self.cells = dict.fromkeys(self.written, self.directory)

    def _all(self, condition: str, seed: int) -> list[Measurement]:
        return [row.model_copy(update={"seed": seed}) for row in self.written[condition, seed]]

    def arrays(self, condition: str, seed: int) -> dict[str, NDArray[Any]]:
        return self.kept[condition, seed]


def row(metric: str, value: float, **where: Any) -> Measurement:
    return Measurement(metric=metric, value=value, **where)
