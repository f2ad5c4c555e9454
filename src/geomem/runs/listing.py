"""The runs of a folder, as a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from geomem.runs.directory import Run, find_runs


@dataclass(frozen=True)
class RunListing:
    """Runs, oldest first."""

    directory: Path
    runs: tuple[Run, ...]

    def data(self) -> Any:
        """Return one mapping a run."""
        return [
            {"path": str(run.path), **run.info.model_dump(include={"kind", "name", "status", "started", "seconds",
                                                                   "seeds", "finding", "message"})}
            for run in self.runs
        ]  # fmt: skip

    def renderables(self) -> list[Any]:
        """Return a table, or a line when there is none."""
        if not self.runs:
            return [f"no runs in {escape(str(self.directory))}"]
        table = Table("run", "kind", "status", "started", "time", "", box=None, padding=(0, 2))
        for run in self.runs:
            info = run.info
            table.add_row(escape(run.path.name), info.kind, info.status, info.started[:16].replace("T", " "),
                          f"{info.seconds:.0f} s", escape(info.finding or info.message))  # fmt: skip
        return [table]


def list_runs(directory: Path) -> RunListing:
    """Read the runs of a folder. Raises RunError when it does not exist."""
    return RunListing(directory, tuple(find_runs(directory)))
