"""Every objective trains every kind of model on a task with prompts and answers, and is scored in its own way."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from geomem.errors import InputError
from geomem.objectives import OBJECTIVES
from geomem.runs.directory import Run
from geomem.spec import validate
from geomem.training.loop import Trained, train
from geomem.training.spec import TrainSpec

MODELS: dict[str, dict[str, Any]] = {
    "transformer": {"kind": "transformer", "width": 16, "layers": 1, "heads": 2},
    "mamba": {"kind": "mamba", "width": 16, "layers": 1},
    "gpt2": {"kind": "hf", "architecture": "gpt2", "width": 16, "layers": 1, "heads": 2},
    "llama": {"kind": "hf", "architecture": "llama", "width": 16, "layers": 1, "heads": 2},
}
TASK = {"kind": "in-context-path", "arms": 2, "length": 4, "num_nodes": 9, "train_size": 64, "test_size": 16}


def trained(folder: Path, objective: Any, model: Any, steps: int = 3, **changes: Any) -> Trained:
    stage = {"steps": steps, "batch": {"paths": 16}, "optimizer": {"lr": 0.003}}
    given = {"task": TASK, "model": model, "objective": objective, "stages": [stage], "evaluate_every": steps,
             "device": "cpu", "threads": 1, **changes}  # fmt: skip
    spec = validate(TrainSpec, given)
    run = Run.create(folder, "one", "train", spec.model_dump(mode="json"), [spec.seed])
    try:
        return train(spec, run)
    finally:
        run.unlock()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_it_trains_and_is_scored(objective: str, model: str, tmp_path: Path) -> None:
    chosen = MODELS[model]
    if objective == "masked-diffusion":
        with pytest.raises(InputError, match="needs a model that looks ahead"):
            trained(tmp_path / "refused", objective, chosen)
        chosen = {**MODELS["transformer"], "causal": False}
    done = trained(tmp_path, objective, chosen)
    scores = {name: done.history.last(name) for name in done.task.chance}
    assert all(value is not None and math.isfinite(value) for value in scores.values())
    table: Any = done.model.get_input_embeddings()  # type: ignore[operator]
    assert len(table.weight) >= done.task.vocabulary.size


def test_one_shot_scores_are_one_shot(tmp_path: Path) -> None:
    """With every input hidden, what is said of a token cannot depend on the true ones before it."""
    done = trained(tmp_path, "teacherless", MODELS["transformer"])
    for place in range(4):
        free, forced = (done.history.last(f"paths/held_out/{kind}_{place}") for kind in ("position", "forced"))
        assert free == forced


def test_an_objective_s_tokens_are_more_than_the_task_s(tmp_path: Path) -> None:
    done = trained(tmp_path, {"kind": "seed", "length": 3, "letters": 6}, MODELS["transformer"])
    table: Any = done.model.get_input_embeddings()  # type: ignore[operator]
    assert len(table.weight) == done.task.vocabulary.size + 6


def test_an_old_run_s_switch_is_the_objective(tmp_path: Path) -> None:
    """The task's own switch hides the same inputs: the same losses to the bit, the same scores."""
    new = trained(tmp_path / "new", "teacherless", MODELS["transformer"])
    old = trained(tmp_path / "old", "next-token", MODELS["transformer"], task={**TASK, "teacherless": True})
    assert new.history.series("loss") == old.history.series("loss")
    assert all(new.history.last(name) == old.history.last(name) for name in new.task.chance)


def test_reversed_is_the_task_s_reversed_target(tmp_path: Path) -> None:
    new = trained(tmp_path / "new", "reversed", MODELS["transformer"])
    old = trained(tmp_path / "old", "next-token", MODELS["transformer"], task={**TASK, "target": "reversed"})
    assert new.history.series("loss") == old.history.series("loss")
    for place in range(4):
        one = new.history.last(f"paths/held_out/forced_{place}")
        assert one == old.history.last(f"paths/held_out/forced_{3 - place}")


def test_seeds_and_masks_resume_to_the_same_bits(tmp_path: Path) -> None:
    torch.manual_seed(3)  # what happens outside must not matter
    one = trained(tmp_path / "one", {"kind": "seed", "length": 2}, MODELS["transformer"])
    torch.manual_seed(4)
    two = trained(tmp_path / "two", {"kind": "seed", "length": 2}, MODELS["transformer"])
    assert one.history.series("loss") == two.history.series("loss")


@pytest.mark.parametrize(
    ("objective", "said"),
    [
        ({"kind": "seed", "length": 2, "letters": 3}, "3 letters give 4 seeds of length 2, too few for example 63"),
        ({"kind": "first-token", "position": 5}, "position 5 is behind the end of answers of 4 tokens"),
    ],
)
def test_what_does_not_fit_is_said_before_the_first_step(objective: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said) as caught:
        trained(tmp_path, objective, MODELS["transformer"], steps=10_000_000)
    assert "\n" not in str(caught.value)


def test_a_sequence_beyond_the_model_s_positions_is_said_before_the_first_step(tmp_path: Path) -> None:
    short = {**MODELS["transformer"], "max_positions": 22}
    with pytest.raises(InputError, match="22"):
        trained(tmp_path, {"kind": "seed", "length": 2}, short)
