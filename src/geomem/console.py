"""How results are printed: as a table for people, as JSON for programs, from the same object."""

from __future__ import annotations

import json
import math
import sys
from typing import Any, Protocol, cast

from rich.console import Console
from rich.text import Text

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
        sys.stdout.write(
            json.dumps(_finite(result.data()), indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n"
        )
        return
    console = _Results(highlight=False)
    for renderable in result.renderables():
        # A program or a file reads lines: a path that is broken in two at column 80 is no path to it.
        whole = isinstance(renderable, (str, Text)) and not console.is_terminal
        console.print(renderable, soft_wrap=whole)


def _finite(value: Any) -> Any:
    """Replace numbers that JSON has no word for, which a diverged run can hold, by null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in cast("list[Any]", value)]
    return value


class _Results(Console):
    """A console that says it when its reader has gone; rich's own exits with 1, which here means something else."""

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError again."""
        raise BrokenPipeError


def progress() -> Console:
    """Return the console that progress goes to, which is not the one results go to."""
    return Console(stderr=True, quiet=not first_process())
