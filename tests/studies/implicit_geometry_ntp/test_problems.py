from __future__ import annotations

import itertools
import math

import pytest
import torch

from geomem.seeding import torch_generator
from geomem.studies.implicit_geometry_ntp import problems
from geomem.studies.implicit_geometry_ntp.problems import Problem


def test_subsets_are_all_of_them() -> None:
    support = problems.subsets(5, 2)
    found = {tuple(column.nonzero().flatten().tolist()) for column in support.T}
    assert found == set(itertools.combinations(range(5), 2))
    assert support.shape == (5, 10)


def test_random_supports_have_the_sizes_asked_for() -> None:
    support = problems.random_supports(9, 4000, 4, torch_generator(0, "x"), least=2)
    sizes = support.sum(0)
    assert set(sizes.tolist()) == {2, 3, 4}
    assert float((sizes == 3).double().mean()) == pytest.approx(1 / 3, abs=0.03)
    assert float(support.double().mean(1).std()) < 0.02


def test_frequencies_lie_on_the_support() -> None:
    support = problems.subsets(5, 3)
    for probs in (problems.even(support), problems.uneven(support, torch_generator(1, "x"))):
        assert torch.equal(probs > 0, support)
        torch.testing.assert_close(probs.sum(0), torch.ones(10, dtype=torch.float64))
    assert float(problems.uneven_shares(7, torch_generator(1, "x")).sum()) == pytest.approx(1)
    assert problems.even_shares(4).tolist() == [0.25] * 4


def test_what_a_problem_knows_of_itself() -> None:
    support = problems.subsets(4, 2)
    problem = Problem(problems.even(support), problems.even_shares(6))
    assert problem.entropy == pytest.approx(math.log(2))
    assert torch.equal(problem.support, support)
    assert not problem.finite.any()
    assert float(problem.proxy[support].max()) == 0.5
