from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from geomem.decoding.sampling import GREEDY, Sampling, draw
from geomem.errors import InputError


def brute_force(logits: np.ndarray, sampling: Sampling) -> np.ndarray:
    """One row at a time, in float64, by walking down a stable ranking."""
    scaled = (logits - logits.max()) / sampling.temperature
    order = sorted(range(len(logits)), key=lambda token: (-scaled[token], token))
    if sampling.top_k is not None:
        order = order[: sampling.top_k]
    mass = {token: np.exp(scaled[token]) for token in order}
    total = sum(mass.values())
    if sampling.top_p is not None:
        kept, reached = {}, 0.0
        for token in order:
            if reached >= sampling.top_p:
                break
            kept[token] = mass[token]
            reached += mass[token] / total
        mass, total = kept, sum(kept.values())
    probs = np.zeros(len(logits))
    for token, one in mass.items():
        probs[token] = one / total
    return probs


# Quarters, so that ties are common and a mass is never within rounding of top_p.
LOGITS = st.lists(st.integers(-12, 12), min_size=1, max_size=12).map(lambda row: [one / 4 for one in row])


@given(
    LOGITS,
    st.sampled_from([0.25, 1.0, 2.0]),
    st.none() | st.integers(1, 14),
    st.none() | st.sampled_from([0.1234, 0.5678, 0.9012, 1.0]),
)
@settings(max_examples=200, deadline=None)
def test_probabilities_are_those_of_a_plain_ranking(
    row: list[float], temperature: float, top_k: int | None, top_p: float | None
) -> None:
    sampling = Sampling(temperature, top_k, top_p)
    found = sampling.probabilities(torch.tensor(row)).numpy()
    assert found == pytest.approx(brute_force(np.array(row), sampling), abs=1e-6)


@pytest.mark.parametrize("sampling", [Sampling(1.0), Sampling(0.5, top_k=3), Sampling(2.0, top_p=0.8)])
def test_draws_have_their_probabilities(sampling: Sampling) -> None:
    """Chi-square of 20 000 draws a row below its 0.9999 quantile; tokens of probability 0 are never drawn."""
    from scipy.stats import chi2

    logits = torch.randn(2, 3, 7, generator=torch.Generator().manual_seed(1))
    probs = sampling.probabilities(logits)
    many = logits.expand(20_000, 2, 3, 7)
    found = sampling.choose(many, torch.Generator().manual_seed(2))
    assert found.shape == (20_000, 2, 3)
    counts = torch.nn.functional.one_hot(found, 7).sum(0).double()
    expected = 20_000 * probs.double()
    assert (counts[probs == 0] == 0).all()
    terms = ((counts - expected) ** 2 / expected).nan_to_num(0.0)
    freedom = (probs > 0).sum(-1) - 1
    assert (terms.sum(-1).numpy() < chi2.ppf(0.9999, freedom.numpy())).all()


def test_a_nucleus_wider_than_the_first_look_is_exact() -> None:
    logits = torch.randn(2, 3000, generator=torch.Generator().manual_seed(0))
    sampling = Sampling(1.0, top_p=0.9)
    found = sampling.probabilities(logits)
    assert (found[0] > 0).sum() > 512
    for row, expected in zip(found, logits, strict=True):
        assert row.numpy() == pytest.approx(brute_force(expected.double().numpy(), sampling), abs=1e-6)


def test_equal_logits_keep_the_first_tokens() -> None:
    level = torch.zeros(1, 5)
    assert Sampling(1.0, top_k=2).probabilities(level).tolist() == [[0.5, 0.5, 0, 0, 0]]
    assert Sampling(1.0, top_p=0.55).probabilities(level)[0, 3:].tolist() == [0, 0]
    assert GREEDY.choose(level).tolist() == [0]
    assert GREEDY.probabilities(level).tolist() == [[1, 0, 0, 0, 0]]


@pytest.mark.parametrize("temperature", [1e-30, 1e-44, 1e-60, 5e-324])
def test_a_tiny_temperature_is_greedy_and_finite(temperature: float) -> None:
    """Also one that float32 holds no longer: logits over 0 would be no numbers."""
    logits = torch.tensor([[1.0, 3.0, 2.0], [-900.0, 80.0, 900.0]])
    more: dict[str, Any]
    for more in ({}, {"top_k": 2}, {"top_p": 0.5}):
        assert Sampling(temperature, **more).probabilities(logits).tolist() == [[0, 1, 0], [0, 0, 1]]


def test_an_enormous_temperature_is_uniform_over_what_is_allowed() -> None:
    for temperature in (1e30, 1e39, 1e308):
        probs = Sampling(temperature).probabilities(torch.tensor([[1.0, -torch.inf, 5.0]]))
        assert probs.tolist() == [[0.5, 0.0, 0.5]]


@pytest.mark.parametrize("seed", range(30))
def test_probabilities_are_those_of_transformers(seed: int) -> None:
    """Seeds are fixed: where the running sum meets top_p to the last bit, rounding decides which token is the last."""
    generator = torch.Generator().manual_seed(seed)
    size, top_k = (int(torch.randint(1, most, (), generator=generator)) for most in (700, 800))
    heat, top_p = (float(low + (high - low) * torch.rand((), generator=generator)) for low, high in ((0.1, 3), (0, 1)))
    logits = 3 * torch.randn(3, size, generator=generator)
    ids: Any = torch.empty(3, 0, dtype=torch.int64)
    warped = TemperatureLogitsWarper(heat)(ids, logits)
    warped = TopPLogitsWarper(top_p)(ids, TopKLogitsWarper(top_k)(ids, warped))
    found = Sampling(heat, top_k, top_p).probabilities(logits)
    torch.testing.assert_close(found, warped.softmax(-1), rtol=1e-5, atol=1e-6)


def test_banned_tokens_stay_banned() -> None:
    logits = torch.tensor([[0.0, -torch.inf, 0.0]])
    for sampling in (Sampling(1.0), Sampling(1.0, top_k=3), Sampling(1.0, top_p=0.99)):
        assert sampling.probabilities(logits).tolist() == [[0.5, 0.0, 0.5]]


def test_the_same_seed_draws_the_same() -> None:
    probs = torch.full((50, 4), 0.25)
    one, other = (draw(probs, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one, other)


def test_the_ends_of_the_unit_interval_draw_no_impossible_token(monkeypatch: pytest.MonkeyPatch) -> None:
    probs = torch.tensor([[0.0, 0.3, 0.7, 0.0]])
    for uniform, expected in ((0.0, 1), (1 - 2.0**-53, 2)):

        def rand(*shape: object, value: float = uniform, **options: object) -> Tensor:
            return torch.full((1,), value, dtype=torch.float64)

        monkeypatch.setattr(torch, "rand", rand)
        assert draw(probs).tolist() == [expected]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"temperature": -1.0}, "temperature: must be at least 0"),
        ({"temperature": float("inf")}, "temperature: must be at least 0"),
        ({"top_k": 0}, "top_k: must be at least 1"),
        ({"top_p": 0.0}, r"top_p: must be in \(0, 1\]"),
        ({"top_p": 1.5}, r"top_p: must be in \(0, 1\]"),
    ],
)
def test_impossible_settings_are_refused_in_one_line(settings: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        Sampling(**settings)  # pyright: ignore[reportArgumentType]
    assert "\n" not in str(caught.value)
