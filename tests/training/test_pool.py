from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from geomem.errors import InputError
from geomem.runs.directory import Run
from geomem.runs.tables import History, Measurement, read_measurements
from geomem.training.loop import Trained, train
from geomem.training.pool import Job, finished, run_job, run_jobs
from geomem.training.progress import Event, silent
from geomem.training.spec import TrainSpec
from geomem.training.work import Extra, Work
from tests.training.settings import new_run, small


def after(trained: Trained, spec: TrainSpec) -> Extra:
    table = trained.model.get_input_embeddings().weight  # type: ignore[operator]
    return Extra({"rows": float(len(table)), "edges/loss": -1.0}, {"first": table[:2], "flags": torch.tensor([1, 0])})


HERE = "tests.training.test_pool:after"


def test_a_job_leaves_a_finished_run_with_its_extras(tmp_path: Path) -> None:
    spec = small(threads=None)
    run_job(Job(spec, tmp_path / "job", HERE), silent)
    run = Run.open(tmp_path / "job")
    assert run.finished
    assert run.info.choices["threads"] == "1: asked for"
    rows = {row.metric: row for row in read_measurements(run.path / "measurements.parquet")}
    assert rows["rows"] == Measurement(step=30, seed=0, metric="rows", value=26.0)
    assert rows["edges/loss"].value == -1.0
    arrays = load_file(run.path / "arrays.safetensors")
    weights = load_file(run.checkpoint / "model.safetensors")
    assert torch.equal(arrays["first"], weights["embed_tokens.weight"][:2])
    assert arrays["flags"].tolist() == [1, 0]


def test_finished_jobs_are_skipped_and_long_ones_start_first(tmp_path: Path) -> None:
    jobs = [
        Job(small(name=name), tmp_path / name, cost=cost) for name, cost in (("short", 1), ("long", 9), ("done", 5))
    ]
    run_job(jobs[2], silent)
    before = (tmp_path / "done" / "run.json").stat().st_mtime_ns
    events: list[Event] = []
    run_jobs(jobs, events.append, workers=1)
    assert [event.label for event in events if event.done] == ["long", "short"]
    assert (tmp_path / "done" / "run.json").stat().st_mtime_ns == before
    run_jobs(jobs, events.append, workers=1)
    assert len([event for event in events if event.done]) == 2


@pytest.mark.slow
def test_several_workers_give_the_same_bits_as_one(tmp_path: Path) -> None:
    specs = [small(seed=seed, name=f"seed {seed}") for seed in (0, 1)]
    events: list[Event] = []
    run_jobs([Job(spec, tmp_path / "two" / str(spec.seed), HERE) for spec in specs], events.append, workers=2)
    assert sorted(event.label for event in events if event.done) == ["seed 0", "seed 1"]
    run_jobs([Job(spec, tmp_path / "one" / str(spec.seed), HERE) for spec in specs], silent, workers=1)
    for seed in ("0", "1"):
        one, two = (load_file(tmp_path / place / seed / "checkpoint" / "model.safetensors") for place in ("one", "two"))
        assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_folder_without_a_header_is_started_again(tmp_path: Path) -> None:
    path = tmp_path / "job"
    path.mkdir()
    (path / ".lock").touch()
    run_job(Job(small(), path), silent)
    assert Run.open(path).finished


def test_a_job_goes_on_with_the_settings_it_was_started_with(tmp_path: Path) -> None:
    spec = small(seed=5)
    run = Run.create_at(tmp_path / "job", spec.name, "train", spec.model_dump(mode="json"), [5])
    run.unlock()
    run_job(Job(small(seed=6), tmp_path / "job"), silent)
    whole = new_run(tmp_path, spec)
    train(spec, whole)
    one, two = (History.read(path / "history.parquet").state() for path in (whole.path, tmp_path / "job"))
    assert one == two


def test_a_failing_job_is_reported_and_can_be_tried_again(tmp_path: Path) -> None:
    bad = small(measure=["map-recovery"])
    with pytest.raises(InputError, match="needs 'coordinates'"):
        run_jobs([Job(bad, tmp_path / "bad")], silent, workers=1)
    assert not Run.open(tmp_path / "bad").finished


def test_a_diverged_job_is_finished_and_says_so(tmp_path: Path) -> None:
    stages = [{"steps": 60, "optimizer": {"kind": "sgd", "lr": 1e30}, "schedule": {"kind": "constant"}}]
    run_job(Job(small(stages=stages), tmp_path / "job"), silent)
    run = Run.open(tmp_path / "job")
    assert (run.info.status, run.finished) == ("diverged", True)
    assert "lower the learning rate" in run.info.message


_INTERRUPTED = """
import signal, sys
from pathlib import Path
from geomem.training.pool import Job, run_jobs
from geomem.training.progress import silent
from tests.training.settings import small
signal.signal(signal.SIGINT, signal.default_int_handler)
if __name__ == "__main__":
    stages = [{"steps": 200_000, "batch": {"edges": 7, "paths": 3}}]
    jobs = [Job(small(stages=stages, seed=seed, checkpoint_every=20), Path(sys.argv[1]) / str(seed)) for seed in (0, 1)]
    try:
        run_jobs(jobs, silent, workers=2)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.slow
def test_ctrl_c_ends_the_workers_with_their_state_saved_and_no_traceback(tmp_path: Path) -> None:
    script = tmp_path / "jobs.py"
    script.write_text(_INTERRUPTED)
    states = [tmp_path / "jobs" / str(seed) / "resume" / "state.pt" for seed in (0, 1)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen([sys.executable, str(script), str(tmp_path / "jobs")], env=environment, text=True,
                          stderr=subprocess.PIPE) as process:  # fmt: skip
        while not all(state.exists() for state in states) and process.poll() is None:
            time.sleep(0.05)
        # To the parent alone, which has to pass it on.
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    assert "Traceback" not in said
    for state in states:
        run = Run.open(state.parents[1])
        assert run.info.status == "interrupted"
        run.lock()
        run.unlock()


def test_a_work_is_a_job_and_is_done_once(tmp_path: Path) -> None:
    told = {"word": "hi", "number": 3}
    job = Job(Work(name="w", function="tests.training.test_work:halve", settings=told), tmp_path / "work")
    run_jobs([job], silent, workers=1)
    kept = tmp_path / "work" / "own.txt"
    assert finished(tmp_path / "work")
    kept.unlink()
    run_jobs([job], silent, workers=1)
    assert not kept.exists()


def test_an_interrupted_work_starts_again_with_the_settings_of_now(tmp_path: Path) -> None:
    old = Work(name="w", function="tests.training.test_work:halve", settings={"word": "old", "number": 3})
    run = Run.create_at(tmp_path / "work", "w", "work", old.model_dump(mode="json"), [0])
    run.unlock()
    new = old.model_copy(update={"settings": {"word": "new", "number": 3}})
    run_job(Job(new, tmp_path / "work"), silent)
    assert (tmp_path / "work" / "own.txt").read_text() == "new"
    assert Run.open(tmp_path / "work").info.spec["settings"]["word"] == "new"


def test_a_shared_training_waits_for_whoever_is_at_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(small(), tmp_path / "cache" / "lm", shared=True)
    events: list[Event] = []

    def other_process_ends(_seconds: float) -> None:
        run_job(replace(job, shared=False), silent)
        os.close(handles.pop())

    (tmp_path / "cache").mkdir()
    handles = [os.open(tmp_path / "cache" / ".lm.lock", os.O_CREAT | os.O_RDWR)]
    fcntl.flock(handles[0], fcntl.LOCK_EX)
    monkeypatch.setattr("time.sleep", other_process_ends)
    run_job(job, events.append)
    assert [event.note for event in events] == ["another process trains it; waiting", "trained by another process"]
    assert events[-1].done
    assert finished(job.path)
    monkeypatch.undo()
    before = (job.path / "run.json").stat().st_mtime_ns
    run_jobs([job], events.append, workers=1)
    assert (job.path / "run.json").stat().st_mtime_ns == before


def test_a_shared_training_is_resumed_where_another_left_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from geomem.training import loop

    job = Job(small(checkpoint_every=5), tmp_path / "lm", shared=True)
    step = loop.Loop._step

    def cut(self: loop.Loop, *arguments: Any) -> None:
        if self.state.step == 17:
            raise RuntimeError("power cut")
        step(self, *arguments)

    monkeypatch.setattr(loop.Loop, "_step", cut)
    with pytest.raises(RuntimeError, match="power cut"):
        run_job(job, silent)
    monkeypatch.undo()
    Run.open(job.path)
    run_job(job, silent)
    whole = Job(small(checkpoint_every=5), tmp_path / "whole")
    run_job(whole, silent)
    one, two = (load_file(place / "checkpoint" / "model.safetensors") for place in (job.path, whole.path))
    assert all(torch.equal(one[name], two[name]) for name in one)
