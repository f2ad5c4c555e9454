from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.errors import InputError
from geomem.geometry.phases import Checkpoint, detect_phases
from geomem.seeding import numpy_generator

THREE = ["warmup", "entropy-seeking", "compression-seeking"]
STEPS = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000]


def planted(corners: Sequence[tuple[float, float]], alphas: Sequence[float], steps: Sequence[float] = STEPS):
    """A trajectory that runs straight, in log step, through (step, RankMe) corners, alpha alike."""
    at = np.log1p([step for step, _ in corners])
    rank = np.exp(np.interp(np.log1p(steps), at, np.log([value for _, value in corners])))
    alpha = np.interp(np.log1p(steps), at, alphas)
    return [Checkpoint(*point) for point in zip(steps, rank.tolist(), alpha.tolist(), strict=True)]


def noisy(points: list[Checkpoint], noise: float, seed: int, *, told: bool = True) -> list[Checkpoint]:
    draw = numpy_generator(seed, "noise")
    moved: list[Checkpoint] = []
    for point in points:
        rank = point.rankme * math.exp(noise * draw.standard_normal())
        alpha = point.alpha + 0.5 * noise * draw.standard_normal()
        wide, deep = 1.96 * noise * rank, 1.96 * 0.5 * noise
        intervals = ((rank - wide, rank + wide), (alpha - deep, alpha + deep)) if told else (None, None)
        moved.append(Checkpoint(point.step, rank, alpha, *intervals))
    return moved


def names(points: list[Checkpoint], least_change: float = 0.05) -> list[str]:
    return [phase.name for phase in detect_phases(points, least_change)]


def classic() -> list[Checkpoint]:
    return planted([(0, 200), (128, 40), (16000, 160), (128000, 90)], [0.4, 1.4, 0.7, 1.0])


def test_the_three_phases_of_the_paper() -> None:
    found = detect_phases(classic())
    assert [phase.name for phase in found] == THREE
    assert [(phase.start, phase.end) for phase in found] == [(0, 128), (128, 16000), (16000, 128000)]
    assert [phase.change for phase in found] == pytest.approx([-0.8, 3.0, -0.4375])
    assert [phase.alpha_change for phase in found] == pytest.approx([1.0, -0.7, 0.3])


def test_phases_may_repeat() -> None:
    points = planted(
        [(0, 200), (16, 40), (512, 150), (4000, 90), (32000, 180), (128000, 120)], [0, 2, 1, 1.6, 0.8, 1.1]
    )
    assert names(points) == [*THREE, "entropy-seeking", "compression-seeking"]


@pytest.mark.parametrize("seed", range(10))
def test_noise_that_the_intervals_tell_of_changes_no_name(seed: int) -> None:
    assert names(noisy(classic(), 0.05, seed)) == THREE


def test_a_noisy_plateau_has_no_phases() -> None:
    flat = planted([(0, 100), (128000, 100)], [1, 1], steps=range(60))
    found = [names(noisy(flat, 0.04, seed)) for seed in range(100)]
    assert sum(map(bool, found)) <= 5, "a false alarm in at most one flat run of twenty"
    assert any(names(noisy(flat, 0.04, seed, told=False)) for seed in range(5)), "noise that nobody tells of misleads"


def test_monotone_trajectories_are_one_phase() -> None:
    assert names(planted([(0, 100), (128000, 30)], [0.5, 1.5])) == ["warmup"]
    assert names(planted([(0, 30), (128000, 100)], [1.5, 0.5])) == ["entropy-seeking"]


def test_a_series_that_starts_late_has_no_warmup() -> None:
    late = [point for point in planted([(0, 160), (128000, 60)], [0.5, 1.5]) if point.step >= 4000]
    assert names(late) == ["compression-seeking"]
    early = [point for point in planted([(0, 160), (128000, 60)], [0.5, 1.5]) if point.step >= 1000]
    assert names(early) == ["warmup"]


def test_changes_below_the_least_one_do_not_count() -> None:
    points = planted([(0, 100), (64, 97), (1000, 100), (8000, 97), (128000, 101)], [1, 1.2, 1, 1.2, 1])
    assert names(points) == []
    assert names(points, 0.02) == [*THREE, "entropy-seeking"]


def test_the_toy_of_the_paper_needs_only_a_smaller_least_change() -> None:
    # Steps and RankMe that the card lists for the linear toy: no alpha exists in two dimensions.
    toy = [Checkpoint(step, rank) for step, rank in [(0, 1.961), (16, 1.868), (150, 1.999), (300, 1.990), (400, 1.993)]]
    assert names(toy, 0.004) == THREE
    assert math.isnan(detect_phases(toy, 0.004)[0].alpha_change)


def test_alpha_that_moves_along_or_not_at_all_is_mixed() -> None:
    assert names(planted([(0, 30), (128000, 100)], [0.5, 1.5])) == ["mixed"]
    assert names(planted([(0, 30), (128000, 100)], [1.0, 1.0])) == ["mixed"]
    ends = (0.0, 2.0)
    unsure = [Checkpoint(p.step, p.rankme, p.alpha, None, ends) for p in planted([(0, 30), (128000, 100)], [1.5, 0.5])]
    assert names(unsure) == ["mixed"]


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), scale=st.floats(1, 1000), stretch=st.floats(1e-3, 1e3))
def test_rescaling_and_stretching_keep_the_names(seed: int, scale: float, stretch: float) -> None:
    walk = np.exp(np.cumsum(numpy_generator(seed, "walk").normal(0, 0.2, 40)))
    alpha = numpy_generator(seed, "alpha").normal(0, 1, 40)
    ranks = 50 * walk / walk.min()
    plain = [Checkpoint(*point) for point in zip(range(40), ranks.tolist(), alpha.tolist(), strict=True)]
    moved = [Checkpoint(stretch * p.step, scale * p.rankme, p.alpha) for p in plain]
    found, expected = detect_phases(moved), detect_phases(plain)
    assert [phase.name for phase in found] == [phase.name for phase in expected]
    assert [phase.start for phase in found] == pytest.approx([stretch * phase.start for phase in expected])
    assert [phase.change for phase in found] == pytest.approx([phase.change for phase in expected])


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 60))
def test_phases_join_and_alternate(seed: int, count: int) -> None:
    ranks = 10 * np.exp(np.abs(np.cumsum(numpy_generator(seed, "walk").normal(0, 0.1, count))))
    found = detect_phases([Checkpoint(step, rank) for step, rank in enumerate(ranks.tolist())])
    for before, after in pairwise(found):
        assert before.end == after.start
        assert before.change * after.change < 0
    for phase in found:
        stretch = ranks[int(phase.start) : int(phase.end) + 1]
        assert {stretch[0], stretch[-1]} == {stretch.min(), stretch.max()}
        assert stretch.max() / stretch.min() > 1.05


def test_points_without_a_rankme_are_left_out() -> None:
    points = [Checkpoint(0, 50), Checkpoint(1, math.nan), Checkpoint(2, 100)]
    assert [(phase.name, phase.start, phase.end) for phase in detect_phases(points)] == [("entropy-seeking", 0, 2)]


@pytest.mark.parametrize("points", [[], [Checkpoint(0, 10)]])
def test_one_point_has_no_phase(points: list[Checkpoint]) -> None:
    assert detect_phases(points) == []


def test_bad_trajectories_are_told_in_one_line() -> None:
    with pytest.raises(InputError, match="steps must rise, got 5 after 5"):
        detect_phases([Checkpoint(5, 10), Checkpoint(5, 11)])
    with pytest.raises(InputError, match=r"RankMe is at least 1, got 0\.5 at step 7"):
        detect_phases([Checkpoint(7, 0.5)])
    with pytest.raises(InputError, match="least change: must be more than 0, got 0"):
        detect_phases([], 0)
