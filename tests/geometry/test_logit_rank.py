"""Ranks and divergences of logit matrices, against closed forms and plain numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg, special, stats
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry import logit_rank as lr


def matrix(n: int = 12, futures: int = 5, k: int = 4, seed: int = 0, rank: int | None = None) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    if rank is None:
        return torch.randn(n, futures, k, generator=generator, dtype=torch.float64)
    left, right = torch.randn(n, rank, generator=generator), torch.randn(rank, futures * k, generator=generator)
    return (left @ right).double().view(n, futures, k)


def test_centring_does_not_see_the_difference_of_logits_and_log_probabilities() -> None:
    logits = matrix()
    torch.testing.assert_close(lr.centred(logits), lr.centred(torch.log_softmax(logits, -1)))
    assert lr.centred(logits).sum(-1).abs().max() < 1e-12


def test_singular_values_are_those_of_the_flat_matrix() -> None:
    expected = np.linalg.svd(matrix().reshape(12, 20).numpy(), compute_uv=False)
    np.testing.assert_allclose(lr.singular_values(matrix()).numpy(), expected)
    assert (lr.singular_values(matrix(rank=3))[3:] < 1e-5).all()


@given(st.floats(0.1, 2), st.floats(0.1, 50))
def test_decay_finds_the_exponent(alpha: float, size: float) -> None:
    values = size * torch.arange(1, 80, dtype=torch.float64) ** -alpha
    found = lr.decay(values, 5, 60)
    assert found.alpha == pytest.approx(alpha, abs=1e-9)
    assert found.r2 == pytest.approx(1)
    assert (found.first_rank, found.last_rank) == (5, 60)


def test_decay_is_plain_least_squares_on_its_window() -> None:
    values = lr.singular_values(matrix(40, 10, 6))
    ranks = np.log(np.arange(3, 21))
    expected = stats.linregress(ranks, np.log(values.numpy()[2:20]))
    found = lr.decay(values, 3, 20)
    assert found.alpha == pytest.approx(-expected.slope)
    assert found.r2 == pytest.approx(expected.rvalue**2)


def test_decay_ends_where_rounding_begins() -> None:
    values = torch.arange(1, 41, dtype=torch.float64) ** -0.7
    values[20:] *= 1e-14
    found = lr.decay(values, 5, 40)
    assert (found.first_rank, found.last_rank) == (5, 20)
    assert found.alpha == pytest.approx(0.7, abs=1e-9)
    short = lr.decay(values, 19, 40)
    assert math.isnan(short.alpha)
    assert (short.first_rank, short.last_rank) == (0, 0)
    assert math.isnan(lr.decay(torch.ones(2, dtype=torch.float64), 1, 9).alpha)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=12), st.floats(0.01, 1))
def test_approximate_rank_is_the_smallest_that_leaves_the_share(numbers: list[float], share: float) -> None:
    values = torch.tensor(sorted(numbers, reverse=True), dtype=torch.float64)
    rank, energy = lr.approximate_rank(values, share), float(values.square().sum())
    slack = 1e-12 * (energy + 1)
    assert float(values[rank:].square().sum()) <= share * energy + slack
    if rank:
        assert float(values[rank - 1 :].square().sum()) >= share * energy - slack


def test_approximate_rank_counts_what_is_there() -> None:
    assert lr.approximate_rank(torch.tensor([3.0, 4.0, 0.0]).sort(descending=True).values, 0.0) == 2
    with pytest.raises(InputError, match="from 0 to 1"):
        lr.approximate_rank(torch.ones(3), 1.5)


def test_average_kl_is_that_of_scipy() -> None:
    one, other = matrix(), matrix(seed=1)
    p, q = special.softmax(one.numpy(), -1), special.softmax(other.numpy(), -1)
    assert lr.average_kl(one, other) == pytest.approx(special.rel_entr(p, q).sum(-1).mean())
    assert lr.average_kl(one, one + 3) == pytest.approx(0, abs=1e-14)  # a shift is no difference


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.floats(1e-3, 30))
def test_kl_never_exceeds_its_bound(seed: int, scale: float) -> None:
    one, other = scale * matrix(3, 2, 5, seed), scale * matrix(3, 2, 5, seed + 1)
    assert lr.average_kl(one, other) <= lr.kl_bound(one, other) + 1e-12


def test_the_constant_of_the_bound_is_needed() -> None:
    """Two equally likely tokens, a small difference against each other: D comes to 1/4 of the square... of its half."""
    step = 1e-3
    one, other = torch.zeros(1, 1, 2, dtype=torch.float64), torch.tensor([[[step, -step]]], dtype=torch.float64)
    assert lr.average_kl(one, other) / lr.kl_bound(one, other) == pytest.approx(1, abs=1e-3)


def test_truncations_are_those_of_the_decomposition() -> None:
    cut = lr.Truncations(matrix())
    u, s, v = np.linalg.svd(matrix().reshape(12, 20).numpy(), full_matrices=False)
    np.testing.assert_allclose(cut.at(3).reshape(12, 20), (u[:, :3] * s[:3]) @ v[:3], atol=1e-12)
    assert cut.most == 12
    assert cut.kl(12) == pytest.approx(0, abs=1e-12)
    assert cut.kl(3) == lr.average_kl(matrix(), cut.at(3))
    assert lr.Truncations(matrix(rank=3)).kl(3) < 1e-10
    with pytest.raises(InputError, match="0 or more"):
        cut.at(-1)


@given(st.floats(0, 1.5))
def test_rank_for_a_divergence_is_where_it_is_crossed(nats: float) -> None:
    cut = lr.Truncations(matrix())
    rank = cut.rank_for(nats)
    assert cut.kl(rank) <= nats or rank == cut.most
    assert rank == 0 or cut.kl(rank - 1) > nats


def test_normalised_by_what_knows_no_history() -> None:
    rows = matrix()
    free = lr.history_independent(rows)
    assert torch.equal(free[0], free[-1])
    assert np.linalg.matrix_rank(free.reshape(12, 20).numpy()) == 1
    found = lr.normalised_kl(rows, [0, 4])
    assert found[1] == pytest.approx(lr.Truncations(rows).kl(4) / lr.average_kl(rows, free))
    assert math.isnan(lr.normalised_kl(free.contiguous(), [1])[0])


def test_principal_cosines_are_those_of_scipy() -> None:
    one, other = matrix(), matrix(seed=1, futures=7)
    found = lr.principal_cosines(one, other, 4)
    bases = [np.linalg.svd(m.flatten(1).numpy())[0][:, :4] for m in (one, other)]
    np.testing.assert_allclose(found, np.cos(linalg.subspace_angles(*bases))[::-1], atol=1e-10)
    turned = torch.einsum("nfk,kj->nfj", one, matrix(4, 1, 4, seed=3)[:, 0])
    torch.testing.assert_close(lr.principal_cosines(one, turned, 12), torch.ones(12, dtype=torch.float64))


def test_shuffling_keeps_columns_and_breaks_the_rank() -> None:
    rows = matrix(30, rank=2)
    mixed = lr.shuffled_histories(rows, torch.Generator().manual_seed(0))
    torch.testing.assert_close(mixed.sort(0).values, rows.sort(0).values)
    assert lr.approximate_rank(lr.singular_values(rows), 1e-6) == 2
    assert lr.approximate_rank(lr.singular_values(mixed), 1e-6) == 20
