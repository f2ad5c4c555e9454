from __future__ import annotations

import io

import pytest
from rich.console import Console

from geomem.training import progress
from geomem.training.progress import Display, Event, silent


def _console(terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=160, color_system=None)


def _text(console: Console) -> str:
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_an_event_in_words() -> None:
    event = Event("run", 3, 9, rate=12.34, loss=1.23456, note="accuracy 50.0% (chance 1.00%)")
    assert event.text() == "loss 1.235  accuracy 50.0% (chance 1.00%)  12.3 steps/s"
    assert Event("run", 0, 9).text() == ""
    silent(event)


def test_plain_lines_at_most_one_an_interval_and_one_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    console = _console(False)
    with Display(console, total=2, interval=10.0) as display:
        for step in range(25):
            now[0] = 100.0 + step
            display(Event("a[1]", step, 50, rate=5.0, loss=2.0))
        display(Event("a[1]", 50, 50, loss=1.0, note="accuracy 90.0%", done=True))
        display(Event("b", 50, 50, done=True))
    assert _text(console).splitlines() == [
        "a[1]: 10 of 50 steps  loss 2.000  5.0 steps/s  8 s left",
        "a[1]: 20 of 50 steps  loss 2.000  5.0 steps/s  6 s left",
        "(1/2) a[1]: loss 1.000  accuracy 90.0%",
        "(2/2) b: done",
    ]


def test_bars_on_a_terminal() -> None:
    console = _console(True)
    with Display(console, total=2) as display:
        display(Event("first", 5, 10, rate=2.0, loss=3.0, note="accuracy 10.0% (chance 1.00%)"))
        display(Event("first", 10, 10, loss=1.0, done=True))
        display(Event("second", 10, 10, loss=0.5, done=True))
    shown = _text(console)
    assert "(1/2) first: loss 1.000" in shown
    assert "(2/2) second: loss 0.500" in shown


def test_names_are_never_read_as_markup() -> None:
    for terminal in (True, False):
        console = _console(terminal)
        with Display(console) as display:
            display(Event("knobs/[red]x[/red]/0", 1, 1, note="[bold]n[/bold]", done=True))
        assert "knobs/[red]x[/red]/0: [bold]n[/bold]" in _text(console)
