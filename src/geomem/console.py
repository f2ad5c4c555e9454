"""How results are printed: as a table for people, as JSON for programs, from the same object."""

from __future__ import annotations

import json
import sys
from typing import Any, Protocol

from rich.console import Console

from geomem.hardware import first_process


class Shown(Protocol):
    """A result that can be shown: rich renderables for people, plain data for programs."""

    def data(self) -> Any:
        """Return what JSON holds."""
        ...

    def renderables(self) -> list[Any]:
        """Return what rich prints, one after the other."""
        ...


def show(result: Shown, as_json: bool) -> None:
    """Print a result on standard output; of several processes only the first does."""
    if not first_process():
        return
    if as_json:
        sys.stdout.write(json.dumps(result.data(), indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n")
        return
    console = _Results(soft_wrap=False, highlight=False)
    for renderable in result.renderables():
        console.print(renderable)


class _Results(Console):
    """A console that says it when its reader has gone; rich's own exits with 1, which here means something else."""

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError again."""
        raise BrokenPipeError


def progress() -> Console:
    """Return the console that progress goes to, which is not the one results go to."""
    return Console(stderr=True, quiet=not first_process())
