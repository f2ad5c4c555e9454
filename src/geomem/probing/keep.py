"""What a finished pass leaves in its folder: rows, arrays for pictures and comparisons, lines for the reader."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from geomem.errors import RunError
from geomem.probing.reader import Reader
from geomem.probing.rows import Rows
from geomem.runs.atomic import write_atomic, write_atomic_with
from geomem.runs.tables import Measurement, read_measurements, write_measurements

_HEADER = "result.json"


@dataclass(frozen=True)
class PassResult:
    """A finished pass, read back. arrays are opened when asked for, unless they are held."""

    folder: Path
    model: str
    condition: str
    step: int | None
    rows: list[Measurement]
    lines: list[str]
    facts: dict[str, Any]
    kept: dict[str, Tensor] | None = None

    def held(self) -> PassResult:
        """Return the same with its arrays in memory, so that the folder may go."""
        return replace(self, kept=self.arrays())

    def arrays(self) -> dict[str, Tensor]:
        """Return the arrays the pass kept. Raises RunError when the file is missing or damaged."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        if self.kept is not None:
            return self.kept
        file = self.folder / "arrays.safetensors"
        try:
            return load_file(file)
        except (OSError, SafetensorError) as error:
            raise RunError(f"{file}: cannot be read ({error})") from None

    def profile(self, metric: str, condition: str | None = None) -> dict[int, Measurement]:
        """Return the rows of a metric by layer, of this pass's condition or of "chance"."""
        wanted = self.condition if condition is None else condition
        return {row.layer: row for row in self.rows
                if row.metric == metric and row.condition == wanted and row.layer is not None}  # fmt: skip

    def number(self, metric: str, condition: str | None = None) -> Measurement | None:
        """Return the row of a metric that belongs to no layer, of this pass's condition or of "chance", or None."""
        wanted = self.condition if condition is None else condition
        return next((row for row in self.rows if row.metric == metric and row.layer is None
                     and row.condition == wanted), None)  # fmt: skip


def keep_pass(folder: Path, rows: Rows, reader: Reader, seconds: float) -> None:
    """Write a finished pass, its header last, and drop the states it went on from."""
    from safetensors.torch import save_file

    write_measurements(folder / "measurements.parquet", rows.rows)
    arrays = {name: array.contiguous().clone() for name, array in rows.arrays.items()}
    write_atomic_with(folder / "arrays.safetensors", lambda partial: save_file(arrays, str(partial)))
    header = {
        "model": rows.model,
        "condition": rows.condition,
        "step": rows.step,
        "lines": rows.lines,
        "facts": {
            "layers": reader.shape.layers,
            "width": reader.shape.width,
            "vocabulary": reader.shape.vocabulary,
            "windows": len(reader.plan.chosen),
            "context": reader.plan.context,
            "tokens": reader.plan.tokens,
            "seconds": round(seconds, 3),
        },
    }
    write_atomic(folder / _HEADER, json.dumps(header, indent=1, ensure_ascii=False) + "\n")
    for state in [folder / "state.pt", *folder.glob("shard-*.pt")]:
        state.unlink(missing_ok=True)


def read_pass_result(folder: Path) -> PassResult | None:
    """Return a finished pass, or None when it has not ended. Raises RunError when its files are damaged."""
    file = folder / _HEADER
    if not file.is_file():
        return None
    try:
        header = json.loads(file.read_text(encoding="utf-8"))
        facts, lines = dict(header["facts"]), list(header["lines"])
        name, condition, step = str(header["model"]), str(header["condition"]), header["step"]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise RunError(f"{file}: cannot be read ({error})") from None
    rows = read_measurements(folder / "measurements.parquet")
    return PassResult(folder, name, condition, step, rows, lines, facts)


def drop_passes(folder: Path) -> None:
    """Remove the folder of all passes."""
    shutil.rmtree(folder, ignore_errors=True)
