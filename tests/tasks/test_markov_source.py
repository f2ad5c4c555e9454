from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.errors import InputError
from geomem.tasks.markov_source import MarkovSource, draw_source

GENERATOR = torch.Generator()


def _source(vocabulary: int = 5, floor: float = 0.0, seed: int = 0) -> MarkovSource:
    return draw_source(vocabulary, (2, 3), popularity=1.0, least=0.1, floor=floor, seed=seed)


@given(vocabulary=st.integers(3, 8), seed=st.integers(0, 30), floor=st.sampled_from([0.0, 0.02]))
@settings(max_examples=30, deadline=None)
def test_every_distribution_sums_to_one_and_the_stationary_one_is_stationary(
    vocabulary: int, seed: int, floor: float
) -> None:
    source = _source(vocabulary, floor, seed)
    torch.testing.assert_close(source.transitions.sum(-1), torch.ones(vocabulary, vocabulary, dtype=torch.float64))
    moved = torch.einsum("ab,abc->bc", source.stationary, source.transitions)
    torch.testing.assert_close(moved, source.stationary, rtol=1e-9, atol=1e-14)
    assert float(source.stationary.sum()) == pytest.approx(1.0)
    torch.testing.assert_close(source.stationary.sum(0), source.stationary.sum(1), rtol=1e-9, atol=1e-14)
    allowed = (source.transitions > 0).sum(-1)
    assert set(allowed.flatten().tolist()) <= ({vocabulary} if floor else {2, 3})
    inside = source.transitions[source.transitions > 0]
    assert float(inside.min()) >= (floor if floor else 0.1) - 1e-12


def test_the_stationary_distribution_is_an_eigenvector_of_the_pair_chain() -> None:
    source = _source()
    chain = np.zeros((25, 25))
    for a, b, c in itertools.product(range(5), repeat=3):
        chain[5 * a + b, 5 * b + c] = float(source.transitions[a, b, c])
    values, vectors = np.linalg.eig(chain.T)
    if int((np.abs(values - 1) < 1e-9).sum()) == 1:
        vector = np.real(vectors[:, np.abs(values - 1).argmin()])
        np.testing.assert_allclose(source.stationary.flatten().numpy(), vector / vector.sum(), atol=1e-10)
    else:  # several sets are never left; ours is one of them
        np.testing.assert_allclose(source.stationary.flatten().numpy() @ chain, source.stationary.flatten(), atol=1e-12)


def test_prefix_probabilities_are_a_distribution() -> None:
    source = _source(4)
    every = torch.tensor(list(itertools.product(range(4), repeat=4)))
    logs = source.prefix_log_probs(every)
    assert float(logs[:, -1].exp().sum()) == pytest.approx(1.0)
    one = every[int(logs[:, -1].argmax())]
    by_hand = math.log(float(source.stationary[one[0], one[1]])) + sum(
        math.log(float(source.transitions[one[i - 2], one[i - 1], one[i]])) for i in (2, 3)
    )
    assert float(source.prefix_log_probs(one[None])[0, -1]) == pytest.approx(by_hand)
    assert float(source.prefix_log_probs(one[None])[0, 0]) == pytest.approx(math.log(float(source.unigram[one[0]])))


def test_samples_have_the_frequencies_that_the_source_says() -> None:
    source = _source()
    tokens = source.sample(40_000, 6, GENERATOR.manual_seed(0))
    assert tokens.shape == (40_000, 6)
    for column in (0, 4):  # the beginning and the end alike: stationary
        pairs = torch.bincount(tokens[:, column] * 5 + tokens[:, column + 1], minlength=25).double() / 40_000
        error = (source.stationary.flatten() * (1 - source.stationary.flatten()) / 40_000).sqrt()
        assert bool(((pairs - source.stationary.flatten()).abs() <= 5 * error + 1e-12).all())
    pair = int(source.stationary.argmax())
    rows = tokens[(tokens[:, 2] == pair // 5) & (tokens[:, 3] == pair % 5)]
    shares = torch.bincount(rows[:, 4], minlength=5).double() / len(rows)
    torch.testing.assert_close(shares, source.transitions[pair // 5, pair % 5], rtol=0, atol=0.03)
    assert bool(source.prefix_log_probs(tokens).isfinite().all())


def test_conditionals_are_those_of_the_prefix() -> None:
    source = _source()
    tokens = source.sample(50, 5, GENERATOR.manual_seed(1))
    rows = source.conditionals(tokens)
    torch.testing.assert_close(rows.sum(-1), torch.ones(50, 5, dtype=torch.float64))
    steps = source.prefix_log_probs(tokens).diff(dim=1)
    torch.testing.assert_close(rows[:, :-1].gather(-1, tokens[:, 1:, None])[..., 0].log(), steps)


def test_forbidden_tokens_never_follow() -> None:
    source = _source()
    pairs = source.sample(200, 2, GENERATOR.manual_seed(2))
    never = source.forbidden(pairs, GENERATOR)
    assert float(source.transitions[pairs[:, 0], pairs[:, 1], never].max()) == 0.0
    assert len(never.unique()) > 1
    with pytest.raises(InputError, match="nothing is forbidden"):
        _source(floor=0.02).forbidden(pairs, GENERATOR)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("floor", [0.0, 0.005])
def test_the_default_size_spans_two_decades(seed: int, floor: float) -> None:
    source = draw_source(32, (2, 3, 4), popularity=1.0, least=0.05, floor=floor, seed=seed)
    assert source.decades >= 2
    assert 0 < source.entropy_rate < math.log(32)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"supports": (9,)}, "supports"), ({"least": 0.5}, "least"), ({"floor": 0.3}, "floor")],
)
def test_bad_sources(changes: dict[str, object], words: str) -> None:
    told = {"popularity": 1.0, "least": 0.1, "floor": 0.0, "seed": 0, "supports": (2, 3), **changes}
    with pytest.raises(InputError, match=words):
        draw_source(5, told.pop("supports"), **told)  # type: ignore[arg-type]
