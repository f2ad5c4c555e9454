"""What a running training says of itself, and how it is shown: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn


@dataclass(frozen=True)
class Event:
    """One report from a training run: how far it is and how it does."""

    label: str
    step: int
    steps: int
    rate: float = 0.0
    loss: float | None = None
    note: str = ""
    done: bool = False
    unit: str = "steps"

    def text(self) -> str:
        """Return loss, rate and note in one short line."""
        loss = "" if self.loss is None else f"loss {self.loss:.3f}"
        digits = 0 if self.rate >= 100 else 1
        rate = f"{self.rate:.{digits}f} {self.unit}/s" if self.rate else ""
        return "  ".join(part for part in (loss, self.note, rate) if part)


Listener = Callable[[Event], None]


def silent(_event: Event) -> None:
    """Ignore events."""


class Display:
    """Show the events of one or several runs at once.

    On a terminal every active run has a bar with its loss, accuracy against chance, rate and time left; elsewhere a
    line is printed when a run starts to matter: at most one every `interval` seconds a run, and one at its end.
    """

    def __init__(self, console: Console | None = None, *, total: int = 1, interval: float = 10.0) -> None:
        self.console = console or Console(stderr=True)
        self._interval = interval
        self._total, self._done = total, 0
        self._spoken: dict[str, float] = {}
        self._tasks: dict[str, TaskID] = {}
        self._overall: TaskID | None = None
        self._bars: Progress | None = None

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._bars = Progress(TextColumn("{task.description}", markup=False),
                                  BarColumn(bar_width=24), TaskProgressColumn(),
                                  TimeRemainingColumn(compact=True), TextColumn("{task.fields[text]}", markup=False),
                                  console=self.console, transient=True)  # fmt: skip
            self._bars.start()
            if self._total > 1:
                self._overall = self._bars.add_task("all runs", total=self._total, text="")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if event.done:
            self._done += 1
        if self._bars is not None:
            self._show(self._bars, event)
        else:
            self._say(event)

    def _show(self, bars: Progress, event: Event) -> None:
        if event.label not in self._tasks:
            self._tasks[event.label] = bars.add_task(event.label, total=event.steps, text="")
        task = self._tasks[event.label]
        bars.update(task, completed=event.step, total=event.steps, text=event.text())
        if event.done:
            bars.remove_task(task)
            del self._tasks[event.label]
            bars.print(self._end_line(event), markup=False, highlight=False)
            if self._overall is not None:
                bars.update(self._overall, completed=self._done)

    def _say(self, event: Event) -> None:
        now = time.monotonic()
        if event.done:
            self.console.print(self._end_line(event), markup=False, highlight=False, soft_wrap=True)
        elif now - self._spoken.setdefault(event.label, now) >= self._interval:
            self._spoken[event.label] = now
            left = f"  {(event.steps - event.step) / event.rate:.0f} s left" if event.rate else ""
            line = f"{event.label}: {event.step} of {event.steps} {event.unit}  {event.text()}{left}"
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _end_line(self, event: Event) -> str:
        count = f"[{self._done}/{self._total}] " if self._total > 1 else ""
        return f"{count.replace('[', '(').replace(']', ')')}{event.label}: {event.text() or 'done'}"
