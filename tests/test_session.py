"""What the door calls: runs that start, fail, are kept or removed, and go on."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from geomem import session
from geomem.errors import InputError, RunError
from geomem.runs.directory import Run
from geomem.training import loop
from tests.training.settings import small

QUIET = Console(quiet=True)


def _fails_at(monkeypatch: pytest.MonkeyPatch, step: int, error: Exception) -> None:
    take = loop.Loop._step

    def failing(self: loop.Loop, *arguments: Any) -> None:
        if self.state.step == step:
            raise error
        take(self, *arguments)

    monkeypatch.setattr(loop.Loop, "_step", failing)


def test_an_outcome_holds_the_last_numbers_beside_chance(tmp_path: Path) -> None:
    outcome = session.start(small(), tmp_path, QUIET)
    assert outcome.run.finished
    assert outcome.chance["paths/held_out/first_hop"] == pytest.approx(1 / 8)
    assert set(outcome.chance) <= set(outcome.numbers)
    assert "lr" not in outcome.numbers
    console = Console(file=io.StringIO(), width=120)
    for one in outcome.renderables():
        console.print(one)
    assert "0.125" in console.file.getvalue()  # type: ignore[attr-defined]
    page = (outcome.run.path / "report.html").read_text(encoding="utf-8")
    assert "running" not in json.loads((outcome.run.path / "run.json").read_text())["status"]
    assert outcome.run.info.name in page


@pytest.mark.parametrize(
    ("step", "error", "kept"),
    [
        (0, InputError("settings"), False),  # nothing learned, and nothing to gain from going on
        (0, RunError("disk"), True),
        (9, InputError("settings"), True),  # nine steps, but saved at the fifth
        (9, RunError("disk"), True),
    ],
)
def test_what_is_worth_resuming_is_kept(
    step: int, error: Exception, kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fails_at(monkeypatch, step, error)
    with pytest.raises(type(error)):
        session.start(small(checkpoint_every=5), tmp_path, QUIET)
    assert len(list(tmp_path.iterdir())) == int(kept)


def test_another_process_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    outcome = session.start(small(), tmp_path / "runs", QUIET)
    assert not (tmp_path / "runs").exists()
    assert not outcome.run.path.exists()


def test_resume_refuses_what_it_cannot_go_on_with(tmp_path: Path) -> None:
    finished = session.start(small(), tmp_path, QUIET).run.path
    with pytest.raises(RunError, match="has ended already"):
        session.resume(finished, QUIET)
    study = Run.create(tmp_path, "study", "study", {}, [0])
    study.unlock()
    with pytest.raises(RunError, match="geomem study run --resume"):
        session.resume(study.path, QUIET)


def test_a_run_in_use_is_not_resumed(tmp_path: Path) -> None:
    spec = small()
    busy = Run.create(tmp_path, spec.name, "train", spec.model_dump(mode="json"), [0])
    with pytest.raises(RunError, match="in use by another process"):
        session.resume(busy.path, QUIET)


def test_read_and_cost() -> None:
    spec = session.read(
        None, ["task=in-weights-edges", "task.graph={kind: cycle}", "model=tiny-nn", "stages.0.steps=9"]
    )
    view = session.cost(spec)
    assert view.data()["steps"] == 9
    assert any("steps: 9" in line for line in view.renderables())
    with pytest.raises(InputError, match="task: required, but missing"):
        session.read(None, [])
