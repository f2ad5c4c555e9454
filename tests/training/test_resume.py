"""A run killed with SIGKILL at any moment goes on to the same bits."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from geomem.runs.directory import Run
from geomem.runs.tables import History
from geomem.training.loop import resume_spec, train
from geomem.training.series import series
from tests.training.settings import interrupt_at, new_run, small

_CHILD = """
import sys
from pathlib import Path
from geomem.runs.directory import Run
from geomem.training.loop import resume_spec, train
run = Run.open(Path(sys.argv[1])); run.lock()
trained = train(resume_spec(run), run)
run.finish(trained.status, trained.seconds)
"""


def _same(first: Path, second: Path) -> None:
    one, two = (
        load_file(first / "checkpoint" / "model.safetensors"),
        load_file(second / "checkpoint" / "model.safetensors"),
    )
    assert one.keys() == two.keys()
    assert all(one[name].equal(two[name]) for name in one)
    kept = series(first)
    assert [step for step, _ in kept] == [step for step, _ in series(second)]
    for (_, left), (_, right) in zip(kept, series(second), strict=True):
        for name in ("model.safetensors", "config.json"):
            assert (left / name).read_bytes() == (right / name).read_bytes()
    assert History.read(first / "history.parquet").state() == History.read(second / "history.parquet").state()


@pytest.mark.slow
def test_killed_at_random_moments_a_run_ends_with_the_same_bits(tmp_path: Path) -> None:
    stages = [
        {"name": "edges", "steps": 150, "mix": {"edges": 1.0}, "batch": {"edges": 7}},
        {"name": "both", "steps": 250, "batch": {"edges": 7, "paths": 3}, "keep_optimizer": True},
    ]
    spec = small(stages=stages, checkpoint_every=20, keep_at="log:9")
    whole, killed = new_run(tmp_path / "a", spec), new_run(tmp_path / "b", spec)
    train(spec, whole)
    killed.unlock()
    moments, kills = random.Random(0), 0
    for _ in range(40):
        process = subprocess.Popen([sys.executable, "-c", _CHILD, str(killed.path)])
        started = time.monotonic()
        state = killed.path / "resume" / "state.pt"
        before = state.stat().st_mtime_ns if state.exists() else 0
        # Let it make some progress, then wait a random moment, so that every attempt gets somewhere.
        while process.poll() is None and time.monotonic() - started < 60:
            if state.exists() and state.stat().st_mtime_ns != before:
                break
            time.sleep(0.005)
        time.sleep(moments.uniform(0.0, 0.25))
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
        if kills == 5:
            subprocess.run([sys.executable, "-c", _CHILD, str(killed.path)], check=True)
            break
    assert kills >= 2, "the run ended before it could be killed twice"
    assert Run.open(killed.path).info.status == "finished"
    _same(whole.path, killed.path)


def test_resume_in_the_middle_of_each_stage_gives_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = small(checkpoint_every=5, keep_at=[0, 2, 11, 12, 24, 30])
    whole = new_run(tmp_path / "a", spec)
    train(spec, whole)
    for stop in (3, 12, 13, 25):
        stopped = new_run(tmp_path / "b", spec)
        interrupt_at(monkeypatch, stop)
        with pytest.raises(RuntimeError, match="power cut"):
            train(spec, stopped)
        monkeypatch.undo()
        train(resume_spec(stopped), stopped)
        _same(whole.path, stopped.path)


def test_an_objective_that_changes_from_batch_to_batch_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = small(
        checkpoint_every=5,
        objective={"kind": "catch-your-breath", "loss": "dp", "budget": 1.2, "rate": 0.5, "warm_up": 9, "drop": 0.3},
    )
    whole = new_run(tmp_path / "a", spec)
    train(spec, whole)
    for stop in (3, 17):
        stopped = new_run(tmp_path / "b", spec)
        interrupt_at(monkeypatch, stop)
        with pytest.raises(RuntimeError, match="power cut"):
            train(spec, stopped)
        monkeypatch.undo()
        train(resume_spec(stopped), stopped)
        _same(whole.path, stopped.path)


def test_ctrl_c_saves_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from geomem.training import loop

    spec = small()
    run = new_run(tmp_path, spec)
    step = loop.Loop._step  # pyright: ignore[reportPrivateUsage]

    def interrupted(self: loop.Loop, *arguments: object) -> None:
        if self.state.step == 17:
            os.kill(os.getpid(), signal.SIGINT)
        step(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(loop.Loop, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(spec, run)
    header = json.loads((run.path / "run.json").read_text())
    assert header["status"] == "interrupted"
    monkeypatch.undo()
    whole = new_run(tmp_path, spec)
    train(spec, whole)
    again = Run.open(run.path)
    again.lock()
    train(resume_spec(again), again)
    _same(whole.path, again.path)


def test_damaged_state_is_one_clear_line(tmp_path: Path) -> None:
    from geomem.errors import RunError

    spec = small()
    run = new_run(tmp_path, spec)
    (run.path / "resume").mkdir()
    (run.path / "resume" / "state.pt").write_bytes(b"not a state")
    with pytest.raises(RunError, match="saved state cannot be read") as caught:
        train(spec, run)
    assert "\n" not in str(caught.value)
