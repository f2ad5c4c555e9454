"""The trainings of every experiment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geomem.spec import validate
from geomem.studies.pitfalls_ntp.predicates import CHEAT, EXACT
from geomem.studies.pitfalls_ntp.settings import Settings, Star, Training
from geomem.studies.study import Cell
from geomem.training.spec import TrainSpec

KEEP = "geomem.studies.pitfalls_ntp.after:keep_answers"

OBJECTIVES = {
    "forward": "next-token",
    "reversed": "reversed",
    "teacherless": "teacherless",
    "first-token": "first-token",
}
"""What each condition is trained with; a first-token run learns the second token of an answer alone, the decision."""

_STOPS = {"forward": CHEAT, "reversed": EXACT}


def two_arms(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return every way of training on the headline's star."""
    own = settings.steps
    steps = {"forward": own.forward, "reversed": own.reversed, "teacherless": own.teacherless,
             "first-token": own.first_token}  # fmt: skip
    return [_cell(settings, name, settings.star, steps[name], seed) for name in OBJECTIVES for seed in seeds]


def three_arms(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return forward and reversed training with three arms to choose from."""
    return _both(settings, settings.three_arms, seeds)


def three_nodes(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return forward and reversed training where an arm has one unknown node, so that they ask the same."""
    star = settings.three_nodes
    return [_cell(settings, name, star, settings.steps.reversed // 4, seed, stop=False)
            for name in ("forward", "reversed") for seed in seeds]  # fmt: skip


def finite(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return forward training on a fixed set of prompts, scored on them and on fresh ones."""
    own = settings.finite
    return [_cell(settings, "forward", settings.star, own.steps, seed, stop=False, prompts=own.prompts)
            for seed in seeds]  # fmt: skip


def mamba(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return forward and reversed training of a state-space model."""
    own = settings.mamba
    model = {"kind": "mamba", "width": own.width, "layers": own.layers}
    training = settings.training.model_copy(update={"lr": own.lr})
    return [_cell(settings, name, settings.star, own.steps, seed, training=training, model=model)
            for name in ("forward", "reversed") for seed in seeds]  # fmt: skip


def cascade(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return teacherless training at a low load, until every node is right."""
    own = settings.cascade
    shape = {name: getattr(own, name) for name in ("width", "layers", "heads", "lr", "evaluate_every")}
    training = settings.training.model_copy(update=shape)
    star = settings.star.model_copy(update={"names": max(own.names, _nodes(settings.star))})
    return [_cell(settings, "teacherless", star, own.steps, seed, training=training, stop_at=EXACT) for seed in seeds]


def _both(settings: Settings, star: Star, seeds: Sequence[int]) -> list[Cell]:
    steps = {"forward": settings.steps.forward, "reversed": settings.steps.reversed}
    return [_cell(settings, name, star, steps[name], seed) for name in steps for seed in seeds]


def _cell(
    settings: Settings,
    condition: str,
    star: Star,
    steps: int,
    seed: int,
    *,
    training: Training | None = None,
    model: dict[str, Any] | None = None,
    prompts: int | None = None,
    stop: bool = True,
    stop_at: str = "",
) -> Cell:
    own = training or settings.training
    metric = stop_at or _STOPS.get(condition, "")
    spec: dict[str, Any] = {
        "seed": seed,
        "threads": 1,
        "task": {"kind": "in-context-path", "arms": star.arms, "length": star.length, "num_nodes": star.names,
                 "train_size": prompts, "test_size": own.test_size},
        "model": model or _transformer(own, star),
        "objective": OBJECTIVES[condition],
        "stages": [{
            "steps": steps,
            "batch": {"paths": own.batch if prompts is None else min(own.batch, prompts)},
            "optimizer": {"lr": own.lr, "weight_decay": 0.0, "clip": own.clip},
            "schedule": {"kind": "constant", "warmup": own.warmup},
        }],
        "evaluate_every": own.evaluate_every,
    }  # fmt: skip
    expected = steps
    if stop and metric:
        spec["stop"] = {"metric": metric, "at_least": settings.mark, "patience": settings.patience}
        expected = steps // 4  # as in pilots; the most it may take is a safety margin
    made = validate(TrainSpec, spec)
    return Cell(condition, seed, made, KEEP, cost=1.0 + expected * _seconds(own, star, slower=3.0 if model else 1.0))


def _transformer(own: Training, star: Star) -> dict[str, Any]:
    return {"kind": "transformer", "width": own.width, "layers": own.layers, "heads": own.heads,
            "positions": own.positions, "initialisation": own.initialisation,
            "max_positions": 3 * _nodes(star) + star.length}  # fmt: skip


def _nodes(star: Star) -> int:
    return star.arms * (star.length - 1) + 1


def _seconds(own: Training, star: Star, slower: float) -> float:
    """Return the seconds that a step is expected to take on one core."""
    tokens = own.batch * (3 * _nodes(star) + star.length)
    return slower * (2e-3 + tokens * own.layers * 72 * own.width**2 / 5.0e10)
