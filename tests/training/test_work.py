from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from geomem.errors import InputError, RunError
from geomem.runs.directory import Run
from geomem.runs.tables import Measurement, read_measurements, write_measurements
from geomem.training.progress import Event, Listener, silent
from geomem.training.work import Extra, Work, do_work, keep_extra, named_function
from tests.training.settings import new_run, small

HERE = "tests.training.test_work"


def halve(work: Work, run: Run, listener: Listener) -> Extra:
    """Return numbers, a profile over layers and an array; write a file of its own into the run directory."""
    (run.path / "own.txt").write_text(work.settings["word"])
    listener(Event(work.name, 0, 2, note="half way"))
    rows = [Measurement(metric="depth", layer=layer, value=layer / 2) for layer in range(3)]
    return Extra({"half": work.settings["number"] / 2}, {"row": torch.arange(3)}, rows)


def fail(work: Work, run: Run, listener: Listener) -> Extra:
    raise InputError("the model lacks attention")


def work(tmp_path: Path, **changes: Any) -> tuple[Work, Run]:
    made = Work(
        **{"name": "a", "seed": 4, "function": f"{HERE}:halve", "settings": {"word": "hi", "number": 3}, **changes}
    )
    return made, Run.create_at(tmp_path / "run", made.name, "work", made.model_dump(mode="json"), [made.seed])


def test_what_a_function_returns_is_kept(tmp_path: Path) -> None:
    events: list[Event] = []
    made, run = work(tmp_path)
    do_work(made, run, events.append)
    kept = Run.open(tmp_path / "run")
    assert (kept.info.kind, kept.info.status) == ("work", "finished")
    assert kept.info.choices["threads"].startswith("1: ")
    assert Work.model_validate(kept.info.spec) == made
    rows = read_measurements(kept.path / "measurements.parquet")
    assert [(row.metric, row.layer, row.value, row.seed) for row in rows] == [
        ("half", None, 1.5, 4), ("depth", 0, 0.0, 4), ("depth", 1, 0.5, 4), ("depth", 2, 1.0, 4),
    ]  # fmt: skip
    assert load_file(kept.path / "arrays.safetensors")["row"].tolist() == [0, 1, 2]
    assert (kept.path / "own.txt").read_text() == "hi"
    assert [(event.note, event.done) for event in events] == [("half way", False), ("", True)]


def test_its_own_error_goes_through_and_leaves_it_unfinished(tmp_path: Path) -> None:
    made, run = work(tmp_path, function=f"{HERE}:fail")
    with pytest.raises(InputError, match="the model lacks attention"):
        do_work(made, run, silent)
    assert not Run.open(run.path).finished


@pytest.mark.parametrize(("status", "expected"), [("diverged", "diverged"), ("finished", "finished")])
def test_what_rests_on_a_diverged_training_is_not_called(status: Any, expected: str, tmp_path: Path) -> None:
    training = new_run(tmp_path, small())
    training.finish(status, 1.0, "the loss became nan at step 3")
    made, run = work(tmp_path, needs={"model": str(training.path)})
    do_work(made, run, silent)
    info = Run.open(run.path).info
    assert info.status == expected
    assert (run.path / "own.txt").exists() == (expected == "finished")
    if expected == "diverged":
        assert info.message == "it needs the training 'model', which diverged: the loss became nan at step 3"


def test_a_work_finds_what_it_needs_by_name(tmp_path: Path) -> None:
    training = new_run(tmp_path, small())
    made, _ = work(tmp_path, needs={"model": str(training.path)})
    assert made.run_of("model").path == training.path
    with pytest.raises(RunError, match="a: needs no training 'sibling'; it has: model"):
        made.run_of("sibling")


def test_new_numbers_replace_those_of_the_same_metric(tmp_path: Path) -> None:
    _, run = work(tmp_path)
    old = [Measurement(metric=name, value=1.0) for name in ("kept", "gone", "layered")]
    write_measurements(run.path / "measurements.parquet", old)
    keep_extra(Extra({"gone": 2.0}, rows=(Measurement(metric="layered", layer=0, value=3.0),)), run, 7, 9)
    rows = read_measurements(run.path / "measurements.parquet")
    assert [(row.metric, row.value, row.seed, row.step) for row in rows] == [
        ("kept", 1.0, None, None), ("gone", 2.0, 7, 9), ("layered", 3.0, 7, None),
    ]  # fmt: skip
    assert not (run.path / "arrays.safetensors").exists()


def test_functions_are_named_by_module() -> None:
    assert named_function(f"{HERE}:halve") is halve
