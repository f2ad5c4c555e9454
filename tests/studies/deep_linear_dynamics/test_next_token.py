from __future__ import annotations

import math

import pytest
import torch

from geomem.geometry.distance import spearman
from geomem.models.unconstrained import UnconstrainedFeatures
from geomem.solvers.gradient_descent import descend
from geomem.solvers.gradient_flow import follow
from geomem.studies.deep_linear_dynamics.next_token import modes_of, run_next_token, tree_supports
from geomem.studies.deep_linear_dynamics.settings import SMOKE, NextToken
from geomem.training.progress import silent
from geomem.training.work import Work

QUICK = SMOKE.next_token


def test_supports_are_neither_empty_nor_full() -> None:
    support = tree_supports(QUICK, 0)
    size = support.sum(0)
    assert support.shape[0] == 8
    assert 20 < support.shape[1] < 60, "some of 60 features all tokens share"
    assert int(size.min()) >= 1
    assert int(size.max()) <= 7
    assert not torch.equal(support, tree_supports(QUICK, 1))


def test_modes_are_those_of_the_centred_support() -> None:
    support = tree_supports(QUICK, 0)
    left, s, right = modes_of(support)
    centred = support.double() - support.double().mean(0)
    torch.testing.assert_close((left * s) @ right.T, centred)
    assert len(s) == 7, "all contrasts between eight tokens, and not their mean"
    assert float(left.sum(0).abs().max()) < 1e-10


def test_small_logits_are_learned_as_by_a_deep_linear_network() -> None:
    support = tree_supports(QUICK, 0)
    vocabulary, contexts = support.shape
    probs = support.double() / support.sum(0)
    model = UnconstrainedFeatures.from_seed(vocabulary, contexts, 4, 1e-3, 0)
    weights = [model.contexts.detach().clone(), model.words.detach().clone()]
    shares = torch.full((contexts,), 1 / contexts, dtype=torch.float64)
    softmax = descend(model, probs, shares, 0.01 * contexts, 50)[-1]
    # Of the squared loss the logits themselves are left out too while they are small.
    linear = follow(weights, probs - 1 / vocabulary, step=0.01, steps=50)
    torch.testing.assert_close(softmax.words @ softmax.contexts, linear.seen[-1], rtol=0.02, atol=1e-6)


def test_the_work_times_every_mode() -> None:
    work = Work(function="x:y", settings={"next_token": QUICK.model_dump(mode="json")})
    found = run_next_token(work, None, silent)  # pyright: ignore[reportArgumentType]
    values, times = (
        torch.tensor([row.value for row in found.rows if row.metric == metric and not row.condition])
        for metric in ("next-token/singular_value", "next-token/time")
    )
    assert found.numbers["next-token/reached"] == found.numbers["next-token/modes"] == 7
    assert found.numbers["next-token/order"] == pytest.approx(spearman(values, times))
    assert found.numbers["next-token/order"] < -0.5


def test_modes_that_are_not_reached_come_last() -> None:
    short = NextToken(**{**QUICK.model_dump(), "time": 5.0})
    work = Work(function="x:y", settings={"next_token": short.model_dump(mode="json")})
    found = run_next_token(work, None, silent)  # pyright: ignore[reportArgumentType]
    assert 0 < found.numbers["next-token/reached"] < 7
    assert math.isfinite(found.numbers["next-token/order"])
    assert found.numbers["next-token/order"] < 0
