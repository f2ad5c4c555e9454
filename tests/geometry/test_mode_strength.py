"""Strengths of modes, decoupling, what is conserved, and when a level is crossed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from geomem.errors import InputError
from geomem.geometry.mode_strength import (
    conservation_drift,
    conserved,
    crossing_times,
    grouped,
    linear_start,
    mode_strengths,
    off_diagonal_energy,
)
from geomem.seeding import torch_generator


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch_generator(seed, "here"), dtype=torch.float64)


def test_strengths_are_the_diagonal() -> None:
    matrix = drawn(7, 5)
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    torch.testing.assert_close(mode_strengths(matrix, left, right.mT), values)
    other = drawn(3, 7, 5, seed=1)
    want = np.einsum("ok,boi,ik->bk", left.numpy(), other.numpy(), right.mT.numpy())
    np.testing.assert_allclose(mode_strengths(other, left, right.mT).numpy(), want, rtol=1e-12)


def test_off_diagonal_energy() -> None:
    matrix = drawn(7, 5)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    assert off_diagonal_energy(matrix, left, right.mT) < 1e-14
    turned = left.roll(1, 1)
    assert off_diagonal_energy(matrix, turned, right.mT) == pytest.approx(1, abs=1e-12)
    assert off_diagonal_energy(torch.zeros(7, 5, dtype=torch.float64), left, right.mT) == 0


def test_groups_are_averaged() -> None:
    strengths = torch.tensor([[1.0, 2.0, 4.0], [0.0, 3.0, 5.0]], dtype=torch.float64)
    found = grouped(strengths, torch.tensor([0, 2, 2]))
    assert found[:, [0, 2]].tolist() == [[1, 3], [0, 4]]
    assert bool(found[:, 1].isnan().all())
    assert grouped(strengths, torch.tensor([0, 0, 0]), 2).shape == (2, 2)


def test_conserved_matrices_of_a_chain() -> None:
    chain = [drawn(4, 3), drawn(5, 4, seed=1), drawn(2, 5, seed=2)]
    first, second = conserved(chain)
    np.testing.assert_allclose(first, chain[0].numpy() @ chain[0].numpy().T - chain[1].numpy().T @ chain[1].numpy())
    assert second.shape == (5, 5)
    assert conservation_drift(chain, chain) == 0
    changed = [chain[0], chain[1] * 2, chain[2]]
    want = max(float((3 * chain[1].T @ chain[1]).norm()), float((3 * chain[1] @ chain[1].T).norm()))
    assert conservation_drift(changed, chain) == pytest.approx(want)
    assert conservation_drift(chain[:1], chain[:1]) == 0
    with pytest.raises(InputError, match="matrix 0 gives 4"):
        conserved([chain[0], chain[2]])


def test_crossings_lie_on_the_line_between_records() -> None:
    times = torch.tensor([0.0, 1.0, 3.0], dtype=torch.float64)
    strengths = torch.tensor([[0.0, 2.0, 0.0], [1.0, 2.0, 0.1], [5.0, 2.0, 0.2]], dtype=torch.float64)
    found = crossing_times(times, strengths, torch.tensor([2.0, 1.0, 1.0], dtype=torch.float64))
    assert found[:2].tolist() == [1.5, 0.0]
    assert math.isnan(found[2])


def test_the_linear_start_is_what_linear_equations_lead_to() -> None:
    left, _, right = torch.linalg.svd(drawn(6, 5, seed=3), full_matrices=False)
    s = torch.tensor([3.0, 2.0, 1.5, 1.0, 0.5], dtype=torch.float64)
    first, second = 1e-3 * drawn(7, 5, seed=4), 1e-3 * drawn(6, 7, seed=5)
    # a' = s b, b' = s a by the matrix exponential, one block a mode.
    inner, outer = first @ right.mT, second.mT @ left
    time = 6.0
    for mode, value in enumerate(s):
        block = torch.linalg.matrix_exp(time * value * torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64))
        a, b = block @ torch.stack([inner[:, mode], outer[:, mode]])
        found = linear_start(first, second, left, right.mT)[mode] * torch.exp(2 * value * time)
        # What is left of the difference of a and b.
        assert float(a @ b) == pytest.approx(float(found), rel=20 * math.exp(-4 * time * float(value)) + 1e-10)
