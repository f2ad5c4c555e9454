from __future__ import annotations

import pytest
import torch

from geomem.studies.representation_phases.settings import Toy
from geomem.studies.representation_phases.toy import Course, Shape, shape_of
from geomem.studies.representation_phases.toy_runs import (
    UNIFORM,
    controls,
    follow,
    median_shape,
    phase_names,
    run_toy,
    summary,
    variants,
)
from geomem.training.progress import silent
from geomem.training.work import Work

TOY = Toy(runs=2, tilts=(0.2,), steps=400)


def made(*falls: float) -> Course:
    """A course that dips to 1.5 at step 1, peaks at 2 and falls again by what is given, one run each."""
    ranks = torch.tensor([[1.9, 1.5, 2.0, 2.0 - fall, 2.0 - fall / 2] for fall in falls])
    return Course(ranks[..., None], ranks, ranks, ranks * 1.02)


def test_the_fall_of_most_is_what_three_of_four_runs_reach() -> None:
    found = summary(made(0.001, 0.3, 0.1, 0.2))
    assert found["drawdown_of_most"] == pytest.approx(0.1)
    assert found["drawdown_largest"] == pytest.approx(0.3)
    assert found["drawdown_least"] == pytest.approx(0.001, rel=1e-3)
    assert found["dip_step_latest"] == 1
    assert found["dip_depth_least"] == pytest.approx(0.4)
    assert found["identity_error"] == pytest.approx(0.02)
    assert found["trough"] == pytest.approx(1.9), "turning points are those of the run with the median fall"
    assert summary(made(0.2))["drawdown_of_most"] == pytest.approx(0.2)


def test_the_median_is_the_lower_of_two() -> None:
    shapes = [shape_of(one) for one in made(0.3, 0.1, 0.2, 0.4).rankme]
    assert median_shape(shapes).drawdown == pytest.approx(0.2)
    assert isinstance(median_shape(shapes[:1]), Shape)


def test_each_control_takes_one_condition_away() -> None:
    full = variants(TOY)["tilt-0.2"]
    for name, variant in (controls(TOY) | {UNIFORM: variants(TOY)[UNIFORM]}).items():
        changed = [key for key in vars(full) if getattr(full, key) != getattr(variant, key)]
        assert len(changed) == 1, f"{name} changes {changed}"
    assert list(variants(TOY)) == ["tilt-0.2", "wider", "squared-error", "plain-start", "uniform-counts"]


def test_the_controls_do_not_fall_again_and_equal_classes_do() -> None:
    falls = {name: summary(follow(variants(TOY)[name], TOY, 0, name))["drawdown_largest"]
             for name in ("tilt-0.2", "wider", "squared-error", UNIFORM)}  # fmt: skip
    assert falls["tilt-0.2"] > 0.004
    assert falls[UNIFORM] > 0.004
    assert max(falls["wider"], falls["squared-error"]) < 5e-4


def test_phases_are_named_by_the_rule_of_the_measurement() -> None:
    course = follow(variants(TOY)["tilt-0.2"], TOY, 0, "tilt-0.2").rankme[0]
    names = [part.split(" to step ")[0] for part in phase_names(course).split(", ")]
    assert names[:3] == ["warmup", "entropy-seeking", "compression-seeking"]
    assert phase_names(torch.full((50,), 2.0)) == "none"


def test_the_work_keeps_every_course() -> None:
    toy = Toy(runs=1, tilts=(0.2,), steps=100)
    work = Work(seed=1, function="x:y", settings={"toy": toy.model_dump(mode="json")})
    found = run_toy(work, None, silent)  # pyright: ignore[reportArgumentType]
    assert set(found.arrays) == {f"{name}/rankme" for name in variants(toy)}
    assert all(array.shape == (1, 101) for array in found.arrays.values())
    other = run_toy(work.model_copy(update={"seed": 2}), None, silent)  # pyright: ignore[reportArgumentType]
    same = run_toy(work, None, silent)  # pyright: ignore[reportArgumentType]
    assert found.numbers == same.numbers != other.numbers
