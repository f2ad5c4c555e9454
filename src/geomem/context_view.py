"""`geomem context`: the contexts of a text, a token array or a task, or saved counts; described, drawn and saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from geomem.context_source import find_contexts
from geomem.contexts.describe import LEAST_SEEN, SHOWN_VALUES, Description, describe, token_names
from geomem.contexts.files import refuse_existing, save_contexts
from geomem.contexts.origin import Contexts, limit
from geomem.contexts.pictures import sizes_picture, spectrum_picture, support_picture
from geomem.contexts.supports import CentredSVD, centred_svd, support_patterns
from geomem.errors import InputError
from geomem.runs.atomic import write_atomic

if TYPE_CHECKING:
    from geomem.cli import ContextCommand

_FORMATS = ("svg", "png", "pdf")

_VALUES = 100
"""Singular values worked out for a drawing; without one, as many as are shown."""


@dataclass(frozen=True)
class ContextView:
    """A description for printing, and where the counts and the drawing went."""

    description: Description
    saved: Path | None
    drawing: Path | None

    def data(self) -> Any:
        """Return the description as a mapping."""
        paths = {"saved": self.saved, "drawing": self.drawing}
        return {
            **self.description.model_dump(mode="json"),
            **{name: None if path is None else str(path) for name, path in paths.items()},
        }

    def renderables(self) -> list[Any]:
        """Return a table of facts, and one of the pairs that stand out."""
        facts = Table(show_header=False, box=None, padding=(0, 2))
        for name, value in self.description.rows():
            facts.add_row(f"[cyan]{escape(name)}[/]", escape(value))
        shown: list[Any] = [facts]
        if self.description.pairs:
            table = Table(box=None, padding=(0, 2))
            table.add_column("context")
            table.add_column("next")
            table.add_column("nats", justify="right")
            table.add_column("seen", justify="right")
            for pair in self.description.pairs:
                table.add_row(escape(pair.context), escape(pair.token), f"{pair.pmi:.2f}", f"{pair.count:g}")
            shown += [f"[bold]strongest PMI, of pairs seen at least {LEAST_SEEN} times[/]", table]
        shown += [] if self.saved is None else [f"saved in {escape(str(self.saved))}"]
        shown += [] if self.drawing is None else [f"drawn in {escape(str(self.drawing))}"]
        return shown


def look(asked: ContextCommand, console: Console) -> ContextView:
    """Do what the command line asks for; progress goes to `console`.

    Raises InputError for bad input, before any work where that can be seen: settings, names, where to save and draw.
    """
    kind = _checked(asked)
    contexts = find_contexts(asked, console)
    if asked.least > 1 or asked.most is not None:
        contexts = limit(contexts, least=asked.least, most=asked.most)
    compact = contexts.matrix.compact()
    patterns = support_patterns(compact)
    svd = centred_svd(patterns, _VALUES if kind else SHOWN_VALUES)
    view = ContextView(describe(contexts, patterns, svd), asked.save, asked.draw)
    if asked.save is not None:
        save_contexts(contexts, asked.save)
    if asked.draw is not None and kind:
        _draw(contexts, svd, asked.draw, kind)
    return view


def _checked(asked: ContextCommand) -> str | None:
    """Look at everything that needs no work, and return the kind of the drawing."""
    kind = None if asked.draw is None else asked.draw.suffix.lstrip(".").lower()
    if kind is not None and kind not in _FORMATS:
        raise InputError(f"--draw {asked.draw}: expected a name that ends in .svg, .png or .pdf")
    if asked.save is not None:
        refuse_existing(asked.save)
    if asked.least < 1:
        raise InputError(f"--least: must be at least 1, got {asked.least}")
    if asked.most is not None and asked.most < 1:
        raise InputError(f"--most: must be at least 1, got {asked.most}")
    return kind


def _draw(contexts: Contexts, svd: CentredSVD, path: Path, kind: str) -> None:
    from geomem.report.contexts import contexts_sheet

    def names(tokens: Sequence[int]) -> list[str]:
        return token_names(contexts, tokens)

    matrix = contexts.matrix
    content = contexts_sheet(sizes_picture(matrix), spectrum_picture(svd), support_picture(matrix, names), kind)
    write_atomic(path, content)
