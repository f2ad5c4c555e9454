"""Stages with objectives of their own: each is trained on its own, and the last one says how the model is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from geomem.errors import InputError
from geomem.runs.directory import Run
from geomem.spec import validate
from geomem.training.loop import Trained, resume_spec, train
from geomem.training.spec import TrainSpec
from tests.training.settings import interrupt_at

TASK = {"kind": "in-context-path", "arms": 2, "length": 4, "num_nodes": 9, "train_size": 64, "test_size": 16}
BREATH = {"kind": "catch-your-breath", "loss": "dp", "budget": 1.2, "rate": 0.5, "warm_up": 3, "drop": 0.3}


def new_run(folder: Path, objectives: list[Any], **changes: Any) -> Run:
    """One stage of four steps an objective; None for the run's own, which is `changes["objective"]`."""
    stages = [{"steps": 4, "batch": {"paths": 16}, "optimizer": {"lr": 0.003}, "objective": one} for one in objectives]
    given = {"task": TASK, "model": {"kind": "transformer", "width": 16, "layers": 1, "heads": 2}, "stages": stages,
             "evaluate_every": 4, "device": "cpu", "threads": 1, **changes}  # fmt: skip
    spec = validate(TrainSpec, given)
    return Run.create(folder, "one", "train", spec.model_dump(mode="json"), [spec.seed])


def trained(folder: Path, objectives: list[Any], **changes: Any) -> Trained:
    run = new_run(folder, objectives, **changes)
    try:
        return train(resume_spec(run), run)
    finally:
        run.unlock()


def losses(done: Trained) -> list[float]:
    return done.history.series("loss")[1]


def test_a_stage_s_objective_is_the_run_s_where_both_are_the_same(tmp_path: Path) -> None:
    own = trained(tmp_path / "own", ["reversed", "reversed"])
    shared = trained(tmp_path / "shared", [None, None], objective="reversed")
    assert losses(own) == losses(shared)
    assert own.history.last("paths/held_out/exact") == shared.history.last("paths/held_out/exact")


def test_each_stage_has_its_own_loss_and_the_last_one_s_way_of_asking(tmp_path: Path) -> None:
    mixed = trained(tmp_path / "mixed", [None, "teacherless"])
    plain = trained(tmp_path / "plain", [None, None])
    assert losses(mixed)[:4] == losses(plain)[:4]
    assert losses(mixed)[4:] != losses(plain)[4:]
    for place in range(4):  # in one shot, what is said of a token cannot depend on the true ones before it
        free, forced = (mixed.history.last(f"paths/held_out/{kind}_{place}") for kind in ("position", "forced"))
        assert free == forced


def test_the_model_has_room_for_the_tokens_of_every_stage(tmp_path: Path) -> None:
    done = trained(tmp_path, [{"kind": "seed", "length": 4, "letters": 6}, {"kind": "seed", "length": 3, "letters": 9}])
    table: Any = done.model.get_input_embeddings()  # type: ignore[operator]
    assert len(table.weight) == done.task.vocabulary.size + 9


@pytest.mark.parametrize("stop", [3, 5, 9, 11])
def test_what_a_stage_remembers_is_there_when_it_goes_on(
    stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run's objective is used, left and taken up again; the one between has a price and a count of its own."""
    other = {**BREATH, "rate": 0.1, "warm_up": 1}
    changes: dict[str, Any] = {"objective": BREATH, "checkpoint_every": 2}
    whole = trained(tmp_path / "whole", [None, other, None], **changes)
    stopped = new_run(tmp_path / "stopped", [None, other, None], **changes)
    interrupt_at(monkeypatch, stop)
    with pytest.raises(RuntimeError, match="power cut"):
        train(resume_spec(stopped), stopped)
    monkeypatch.undo()
    again = train(resume_spec(stopped), stopped)
    stopped.unlock()
    assert losses(again) == losses(whole)
    assert all(again.history.last(name) == whole.history.last(name) for name in whole.task.chance)


def test_an_objective_that_does_not_fit_is_said_before_the_first_stage(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="position 5 is behind the end of answers of 4 tokens"):
        trained(tmp_path, [None, {"kind": "first-token", "position": 5}])


def test_streams_that_no_stage_uses_are_not_asked_to_fit(tmp_path: Path) -> None:
    """A text has no answer to be turned round, and none is trained here."""
    task = {"kind": "lookup", "train_size": 20, "test_size": 8}
    stages = [{"steps": 1, "mix": {"text": 1}, "batch": {"text": 4}},
              {"steps": 1, "batch": {"lookup": 4}, "objective": {"kind": "first-token", "position": 1}}]  # fmt: skip
    trained(tmp_path, [], task=task, stages=stages)


def test_an_unknown_objective_of_a_stage_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"stages\.1\.objective.*revers"):
        new_run(tmp_path, [None, "revers"])
