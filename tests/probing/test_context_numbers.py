from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from geomem.contexts.matrix import ContextMatrix
from geomem.contexts.statistics import unigram, unigram_entropy
from geomem.models.adapters import adapt
from geomem.probing.context_numbers import SUMS, context_sums, estimates, frequency_sums, model_sums
from tests.probing import tiny
from tests.probing.counted import drawn


def with_others(logits: torch.Tensor) -> torch.Tensor:
    """Return log-probabilities (V + 1, m) of logits in which the last row is all other tokens."""
    return logits.double().log_softmax(0)


def numbers(log_probs: torch.Tensor, matrix: ContextMatrix) -> dict[str, float]:
    sums = context_sums(log_probs, matrix.compact(), matrix.shares())
    return {name: one.value for name, one in estimates(sums, 0).items()}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000))
def test_the_numbers_are_those_of_plain_definitions(seed: int) -> None:
    matrix = drawn(20, seed=seed)
    P, pi = matrix.compact().dense().numpy(), matrix.shares().numpy()
    log_probs = with_others(torch.randn(len(P) + 1, len(matrix), generator=torch.Generator().manual_seed(seed)))
    q = log_probs.exp().numpy()
    found = numbers(log_probs, matrix)
    kl = [stats.entropy(np.append(p, 0), one) for p, one in zip(P.T, q.T, strict=True)]
    assert found["gap"] == pytest.approx(pi @ kl)
    assert found["entropy"] == pytest.approx(pi @ stats.entropy(P))
    assert found["loss"] == pytest.approx(found["gap"] + found["entropy"])
    assert found["inside"] == pytest.approx(pi @ (q[:-1] * (P > 0)).sum(0))
    ours, theirs, sides, goals = [], [], [], []
    for p, one in zip(P.T, q.T, strict=True):
        inside = p > 0
        ours += list(np.log(p[inside]) - np.log(p[inside]).mean())
        logits = np.log(one[:-1])
        theirs += list(logits[inside] - logits[inside].mean())
        centred = logits - logits.mean()
        centred[inside] = centred[inside].mean()  # less its differences inside the support
        sides.append(centred)
        goals.append(inside - inside.mean())
    assert found["log_odds"] == pytest.approx(np.corrcoef(ours, theirs)[0, 1])
    sides, goals = np.array(sides), np.array(goals)
    cosine = (sides * goals).sum() / np.linalg.norm(sides) / np.linalg.norm(goals)
    assert found["direction"] == pytest.approx(cosine)


def test_a_model_that_knows_everything_and_one_that_knows_frequencies() -> None:
    matrix = drawn(30)
    P = matrix.compact().dense()
    best = numbers(torch.cat([P, torch.zeros(1, len(matrix))]).log().clamp(min=-60).log_softmax(0), matrix)
    assert best["gap"] == pytest.approx(0, abs=1e-12)
    assert best["inside"] == pytest.approx(1)
    assert best["log_odds"] == pytest.approx(1)
    assert best["direction"] > 0.99  # far outside the support, and even there: the centred support itself
    guess = {name: one.value for name, one in estimates(frequency_sums(matrix), 0).items()}
    assert guess["loss"] == pytest.approx(unigram_entropy(matrix))
    assert guess["inside"] == pytest.approx(
        float(matrix.shares() @ (matrix.support() * unigram(matrix)[:, None]).sum(0))
    )
    assert 0 < guess["direction"] < best["direction"]


def test_what_cannot_be_said_is_nan() -> None:
    single = ContextMatrix.from_dense(torch.eye(4, dtype=torch.float64), torch.full((4,), 0.25, dtype=torch.float64))
    found = numbers(with_others(torch.randn(5, 4)), single)
    assert math.isnan(found["log_odds"])
    full = ContextMatrix.from_dense(torch.full((3, 4), 1 / 3, dtype=torch.float64),
                                    torch.full((4,), 0.25, dtype=torch.float64))  # fmt: skip
    assert math.isnan(numbers(with_others(torch.randn(4, 4)), full)["direction"])


def test_an_interval_holds_the_value_and_shrinks_with_contexts() -> None:
    widths = []
    for count in (30, 3000):
        matrix = drawn(count, seed=1)
        log_probs = with_others(torch.randn(len(matrix.types) + 1, count, generator=torch.Generator().manual_seed(0)))
        one = estimates(context_sums(log_probs, matrix.compact(), matrix.shares()), 0)["gap"]
        assert one.low < one.value < one.high
        widths.append(one.high - one.low)
    assert widths[1] == pytest.approx(widths[0] / 10, rel=0.5)


def test_a_models_own_logits_are_read_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    model, matrix = tiny.gpt2(), drawn(25)
    stream = torch.randn(25, tiny.WIDTH, generator=torch.Generator().manual_seed(0))
    whole = model_sums(adapt(model), stream, matrix)
    with torch.no_grad():
        log_probs = model.lm_head(model.transformer.ln_f(stream)).double().log_softmax(1)
    inside = (log_probs.exp()[:, : matrix.vocabulary].T * matrix.support()).sum(0)
    assert whole[:, SUMS.index("inside")].tolist() == pytest.approx((matrix.shares() * inside).tolist())
    loss = -(matrix.dense() * log_probs[:, : matrix.vocabulary].T).sum(0) * matrix.shares()
    both = whole[:, SUMS.index("entropy")] + whole[:, SUMS.index("gap")]
    assert both.tolist() == pytest.approx(loss.tolist())
    monkeypatch.setattr("geomem.probing.context_numbers.prediction_chunks",
                        lambda _adapter, count: (slice(i, i + 1) for i in range(count)))  # fmt: skip
    monkeypatch.setattr("geomem.probing.context_numbers.CHUNK_ENTRIES", 1)
    torch.testing.assert_close(model_sums(adapt(model), stream, matrix), whole)
    torch.testing.assert_close(frequency_sums(matrix).shape, whole.shape)
