from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.errors import InputError
from geomem.training.series import checkpoint_folder, kept_steps, log_spaced, series


def test_steps_are_sorted_and_taken_once() -> None:
    assert kept_steps((30, 0, 7, 7), 30) == (0, 7, 30)
    assert kept_steps((), 30) == ()
    assert kept_steps("log:4", 1000) == (0, 1, 10, 100, 1000)
    assert kept_steps("log:1", 50) == (0, 50)


@pytest.mark.parametrize("words", ["log", "log:", "log:0", "log:-3", "every:5", ""])
def test_other_words_are_refused(words: str) -> None:
    with pytest.raises(InputError, match="keep_at: expected a list of steps or 'log:N', for example log:12, got"):
        kept_steps(words, 30)


@pytest.mark.parametrize("step", [-1, 31])
def test_steps_outside_the_training_are_refused(step: int) -> None:
    with pytest.raises(InputError, match=rf"keep_at: step {step} is outside 0\.\.30"):
        kept_steps((3, step), 30)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(1, 100_000))
def test_log_spaced_steps_grow_by_one_factor(count: int, steps: int) -> None:
    found = log_spaced(count, steps)
    assert found[0] == 0
    assert found[-1] == steps
    assert len(found) <= count + 1
    assert list(found) == sorted(set(found))
    factor = steps ** (1 / max(1, count - 1))
    assert all(after <= factor * before + factor / 2 + 1 for before, after in pairwise(found[1:]))


def test_folders_are_found_in_the_order_of_steps(tmp_path: Path) -> None:
    assert checkpoint_folder(tmp_path, 120) == tmp_path / "checkpoints" / "step-000120"
    for step in (1_000_000, 999_999, 5):
        checkpoint_folder(tmp_path, step).mkdir(parents=True)
    (tmp_path / "checkpoints" / "step-x").mkdir()
    (tmp_path / "checkpoints" / ".step-000005.12.tmp").mkdir()
    assert [step for step, _ in series(tmp_path)] == [5, 999_999, 1_000_000]
    assert series(tmp_path / "none") == []
