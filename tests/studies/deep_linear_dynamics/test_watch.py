from __future__ import annotations

import torch

from geomem.models.deep_linear import DeepLinear, balanced
from geomem.solvers.gradient_flow import Course
from geomem.studies.deep_linear_dynamics.watch import SHOWN, bases, by_mode, every, named, thinned, watch


def test_bases_are_orthonormal_and_drawn_from_the_seed() -> None:
    left, right = bases(7, 5, 3, 0)
    torch.testing.assert_close(left.T @ left, torch.eye(3, dtype=torch.float64))
    torch.testing.assert_close(right.T @ right, torch.eye(3, dtype=torch.float64))
    assert not torch.equal(left, bases(7, 5, 3, 1)[0])


def test_what_is_watched_are_the_strengths() -> None:
    left, right = bases(7, 5, 2, 0)
    start = torch.tensor([0.1, 0.2], dtype=torch.float64)
    model = DeepLinear.decoupled(left, right, balanced(start, 2), 3, 0)
    s = torch.tensor([2.0, 1.0], dtype=torch.float64)
    course = watch(model, s, left, right, time=20, step=0.1)
    torch.testing.assert_close(course.seen[0], start)
    torch.testing.assert_close(course.seen[-1], s, rtol=1e-6, atol=0)
    assert len(course.times) == 201


def test_small_things() -> None:
    assert every(8, 1e-3, 400) == 20
    assert every(1, 0.5, 400) == 1
    course = Course(torch.arange(1000.0), torch.arange(1000.0)[:, None], [])
    times, seen = thinned(course)
    assert SHOWN <= len(times) <= SHOWN + 10
    assert torch.equal(times, seen[:, 0])
    rows = list(by_mode("x", [3.0, 4.0], "theory"))
    assert [(row.layer, row.value, row.condition) for row in rows] == [(0, 3.0, "theory"), (1, 4.0, "theory")]
    assert named("a", {"b": 1}) == {"a/b": 1.0}
