"""`geomem fetch`: what can be fetched, as a table, and a fetch with its progress."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import TransferSpeedColumn as Speed
from rich.table import Table

from geomem.fetch import ITEMS, Item, cached, fetched, read_source
from geomem.fetch.cache import cache_folder
from geomem.fetch.progress import Stage


@dataclass(frozen=True)
class Catalogue:
    """Every item, and where it lies if it has been fetched."""

    items: tuple[tuple[Item, Path | None], ...]

    def data(self) -> Any:
        """Return a mapping for each item; sizes in bytes."""
        return [
            {
                "name": item.name,
                "kind": item.kind,
                "summary": ITEMS.summary(item.name),
                "licence": item.licence,
                "manager": item.package.manager,
                "package": item.package.name,
                "version": item.package.version,
                "download_bytes": item.package.size,
                "kept_bytes": item.size,
                "weights": item.weights,
                "path": None if folder is None else str(folder),
            }
            for item, folder in self.items
        ]

    def renderables(self) -> list[Any]:
        """Return a table for each kind, and where fetched items are kept."""
        shown: list[Any] = []
        for kind in ("model", "text", "graph"):
            table = Table(title=f"{kind}s", title_justify="left", title_style="bold", show_header=False, box=None,
                          padding=(0, 2))  # fmt: skip
            for item, folder in self.items:
                if item.kind == kind:
                    here = "[green]fetched[/]" if folder else "[dim]not fetched[/]"
                    table.add_row(f"[cyan]{escape(item.name)}[/]", here, _about(item))
            shown.append(table)
        return [*shown, f"kept in {escape(str(cache_folder()))}; get one with: geomem fetch NAME",
                "the graph countries needs no fetching: it comes with geomem"]  # fmt: skip


@dataclass(frozen=True)
class Fetched:
    """Items that are in the cache now."""

    folders: dict[str, Path]

    def data(self) -> Any:
        """Return name -> path and the record of where it came from."""
        records = {name: read_source(folder) for name, folder in self.folders.items()}
        return {
            name: {"path": str(self.folders[name]), "source": None if record is None else record.model_dump()}
            for name, record in records.items()
        }

    def renderables(self) -> list[Any]:
        """Return a line an item: name, folder, and what was checked of a converted model."""
        # No table: it would cut a long path, which is there to be copied.
        return [f"[cyan]{escape(name)}[/]  {escape(f'{folder}{_checked(folder)}')}"
                for name, folder in self.folders.items()]  # fmt: skip


def catalogue() -> Catalogue:
    """Return the list of items. Uses no network."""
    return Catalogue(tuple((ITEMS.get(name), cached(name)) for name in ITEMS))


def fetch(names: Sequence[str], console: Console) -> Fetched:
    """Fetch items, and show how it goes on `console`. Raises InputError as `fetched` does.

    Every name is looked up before the first is fetched.
    """
    for name in names:
        ITEMS.get(name)
    with Display(console) as display:
        return Fetched({name: fetched(name, display) for name in names})


class Display:
    """Show a fetch: on a terminal a bar with rate and time left, elsewhere a line a stage and every `interval` s."""

    def __init__(self, console: Console, interval: float = 10.0) -> None:
        self.console = console
        self._interval = interval
        self._bars = Progress(TextColumn("{task.description}", markup=False), BarColumn(bar_width=24),
                              DownloadColumn(), Speed(), TimeRemainingColumn(compact=True),
                              console=console, transient=True)  # fmt: skip
        self._bar: TaskID | None = None
        self._started: dict[str, float] = {}
        self._spoken = 0.0
        self._stage = ""

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        if self.console.is_terminal:
            self._bars.stop()

    def __call__(self, event: Stage) -> None:
        """Show an event."""
        now = time.monotonic()
        started = self._started.setdefault(event.name, now)
        if event.stage == "done":
            self._drop_bar()
            self._say(f"{event.name}: fetched in {now - started:.0f} s")
        elif self.console.is_terminal:
            self._show(event)
        elif event.stage != self._stage:
            self._spoken = now
            self._say(f"{event.name}: {_told(event)}")
        elif now - self._spoken >= self._interval:
            self._spoken = now
            rate = event.done / (now - started)
            # Before a hundredth has come there is no rate to speak of.
            left = f"  {(event.total - event.done) / rate:.0f} s left" if event.done > event.total / 100 else ""
            self._say(f"{event.name}: {_size(event.done)} of {_size(event.total)}  {_size(rate)}/s{left}")
        self._stage = event.stage

    def _show(self, event: Stage) -> None:
        if self._bar is None or event.stage != self._stage:
            self._drop_bar()
            # Where bytes do not tell how far a stage is, the bar moves to and fro.
            self._bar = self._bars.add_task(f"{event.name}: {event.stage}", total=event.total or None)
        self._bars.update(self._bar, completed=event.done)

    def _drop_bar(self) -> None:
        if self._bar is not None:
            self._bars.remove_task(self._bar)
            self._bar = None

    def _say(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def _told(event: Stage) -> str:
    package = ITEMS.get(event.name).package
    more = {"downloading": f" {package}, {_size(package.size)}", "waiting": ": another process is fetching it"}
    return f"{event.stage}{more.get(event.stage, '')}"


def _about(item: Item) -> str:
    weights = f"; {item.weights}" if item.weights else ""
    return escape(
        f"{ITEMS.summary(item.name)}{weights}\n{_size(item.package.size)} to fetch, {_size(item.size)} kept; "
        f"{item.licence}; from {item.package}"
    )


def _checked(folder: Path) -> str:
    record = read_source(folder)
    if record is None or record.perplexity is None:
        return ""
    return f"\n  perplexity {record.perplexity:.2f} on the passage '{record.passage}', as expected"


def _size(count: float) -> str:
    """Return a number of bytes as people say it."""
    return f"{count / 1e6:.0f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"
