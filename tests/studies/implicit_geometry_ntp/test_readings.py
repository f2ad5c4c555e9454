from __future__ import annotations

import math

import pytest
import torch

from geomem.geometry.next_token import limiting_grams
from geomem.solvers.ridge_path import ridge_path
from geomem.studies.implicit_geometry_ntp import problems
from geomem.studies.implicit_geometry_ntp.problems import Problem
from geomem.studies.implicit_geometry_ntp.readings import (
    PROXY,
    Direction,
    alignment,
    path_rows,
    picture_arrays,
    progress,
    state_rows,
)

SUPPORT = problems.subsets(4, 2)
PROBLEM = Problem(problems.even(SUPPORT), problems.even_shares(6))
TARGET = Direction.of(PROBLEM.proxy)


def balanced(scale: float = 5.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Factors of a multiple of the closed form that share its singular values."""
    left, values, right = torch.linalg.svd(scale * PROBLEM.proxy, full_matrices=False)
    return left * values.sqrt(), values.sqrt()[:, None] * right


def test_the_closed_form_is_aligned_in_everything() -> None:
    words, contexts = balanced()
    assert alignment(words, contexts, PROBLEM, TARGET) == pytest.approx(dict.fromkeys(
        ("logits", "rest", "directional", "words", "contexts"), 1.0))  # fmt: skip
    found = progress(words, contexts, PROBLEM)
    assert found["nuclear_norm"] == pytest.approx(5 * 3 * math.sqrt(2))
    assert found["finite_error"] == pytest.approx(0, abs=1e-12)
    assert found["gap"] == pytest.approx(math.log1p(math.exp(-5)))


def test_a_constant_for_all_logits_of_a_context_changes_nothing() -> None:
    words, contexts = balanced()
    shifted = words + torch.randn(1, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert alignment(shifted, contexts, PROBLEM, TARGET) == pytest.approx(alignment(words, contexts, PROBLEM, TARGET))
    assert progress(shifted, contexts, PROBLEM)["gap"] == pytest.approx(progress(words, contexts, PROBLEM)["gap"])
    assert Direction.of(PROBLEM.proxy + 3).norm == pytest.approx(TARGET.norm)


def test_rows_say_which_direction_they_compare_with() -> None:
    words, contexts = balanced()
    rows = state_rows("x", words, contexts, PROBLEM, TARGET, step=7)
    assert {row.condition for row in rows if row.metric == "x/cosine_rest"} == {"", PROXY}
    assert {row.step for row in rows} == {7}
    alone = state_rows("x", words, contexts, PROBLEM, None, layer=2)
    assert {row.condition for row in alone if row.metric == "x/cosine_rest"} == {PROXY}


def test_points_of_a_path_are_layers_by_decade() -> None:
    rows = path_rows(ridge_path(PROBLEM.probs, PROBLEM.shares, 6, [1e-2, 1e-4]), PROBLEM, TARGET)
    found = {row.layer: row.value for row in rows if row.metric == "path/gap_per_ridge"}
    assert set(found) == {2, 4}
    assert found[4] == pytest.approx(TARGET.norm, rel=0.01)


def test_arrays_of_the_pictures() -> None:
    arrays = picture_arrays(*balanced(), PROBLEM, TARGET)
    torch.testing.assert_close(arrays["logits"], arrays["finite"] + arrays["directional"])
    torch.testing.assert_close(arrays["words_predicted"], limiting_grams(TARGET.logits)[0])
    torch.testing.assert_close(arrays["spectrum"], 5 * arrays["spectrum_predicted"])
