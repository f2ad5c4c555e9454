from __future__ import annotations

import numpy as np
import pytest
import torch

from geomem.geometry.laplacian import cycle_spectrum, laplacian_operator
from geomem.geometry.node2vec_theory import (
    annihilation,
    coefficient_matrix,
    gradient,
    measure_stationarity,
    negative_laplacian,
    objective,
    step,
    untied_gradients,
    untied_objective,
    walk_matrix,
)
from tests.geometry.samples import both, cycle, grid, irregular, normal, path_star

GRAPHS = [(both(irregular()), 17), (both(path_star(4, 5)[0]), 17), (cycle(15), 15)]  # an isolated node; one direction


@pytest.mark.parametrize(("edges", "count"), GRAPHS)
def test_gradient_against_finite_differences_and_autograd(edges: torch.Tensor, count: int) -> None:
    walk, table = walk_matrix(edges, count), normal(count, 4)
    exact = gradient(table, walk)
    leaf = table.clone().requires_grad_()
    objective(leaf, walk).backward()
    assert leaf.grad is not None
    assert torch.allclose(exact, leaf.grad, atol=1e-12)
    for row, column in [(0, 0), (3, 2), (count - 1, 3)]:
        ends = []
        for sign in (1, -1):
            moved = table.clone()
            moved[row, column] += sign * 1e-5
            ends.append(float(objective(moved, walk)))
        assert float(exact[row, column]) == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-8)


def test_untied_gradients_against_autograd() -> None:
    edges, count = GRAPHS[0]
    walk = walk_matrix(edges, count)
    inputs, outputs = normal(count, 4).requires_grad_(), normal(count, 4, seed=1).requires_grad_()
    untied_objective(inputs, outputs, walk).backward()
    found = untied_gradients(inputs.detach(), outputs.detach(), walk)
    for exact, leaf in zip(found, (inputs, outputs), strict=True):
        assert leaf.grad is not None
        assert torch.allclose(exact, leaf.grad, atol=1e-12)


def test_one_step_is_a_step_of_the_optimiser_on_the_edge_loss() -> None:
    edges, count = both(grid(4, 4)), 16
    walk, table = walk_matrix(edges, count), normal(count, 100)
    weight = torch.nn.Parameter(table.clone())
    loss = torch.zeros((), dtype=torch.float64)
    for node in range(count):  # the release's loop: mean over neighbours of -log softmax
        targets = edges[edges[:, 0] == node, 1]
        loss = loss - torch.log_softmax(weight @ weight[node], dim=0)[targets].mean()
    loss.backward()
    torch.optim.SGD([weight], lr=0.01).step()
    assert torch.allclose(step(table, walk, 0.01), weight.detach(), atol=1e-12)


def test_walk_and_laplacian() -> None:
    edges = both(irregular())
    walk = walk_matrix(torch.cat([edges, edges[:3]]), 17)
    assert torch.allclose(walk.sum(1), torch.tensor([1.0] * 16 + [0.0], dtype=torch.float64))
    minus = negative_laplacian(walk)
    assert torch.equal(minus, minus.T)
    assert float(minus.trace()) == pytest.approx(-2 * 16)
    assert np.allclose(minus.numpy(), laplacian_operator(edges, 17).toarray())


def test_large_random_vectors_start_at_the_laplacian() -> None:
    walk = walk_matrix(both(grid(4, 4)), 16)
    table = 10 * torch.eye(16)
    assert torch.allclose(coefficient_matrix(table, walk), negative_laplacian(walk), atol=1e-12)


def test_columns_evolve_alone() -> None:
    walk, table = walk_matrix(both(cycle(9)), 9), normal(9, 3)
    assert torch.allclose(
        step(table, walk, 0.1)[:, 1], table[:, 1] + 0.1 * coefficient_matrix(table, walk) @ table[:, 1]
    )


def test_training_on_the_cycle_ends_in_fiedler_vectors_that_the_coefficients_annihilate() -> None:
    count = 15
    walk = walk_matrix(both(cycle(count)), count)
    angles = 2 * torch.pi * torch.arange(count, dtype=torch.float64) / count
    waves = torch.stack([angles.cos(), angles.sin(), (5 * angles).cos()], dim=1)
    waves = waves / waves.norm(dim=0)
    table = normal(count, 100)
    before = measure_stationarity(table, both(cycle(count)))
    for _ in range(3000):
        table = step(table, walk, 0.01)
    after = measure_stationarity(table, both(cycle(count)))
    pull, onto = annihilation(table, walk, waves)
    assert float(pull[:2].max()) < 0.05 * abs(float(cycle_spectrum(count)[9]))
    assert float(onto[:2].min()) > 10 * float(onto[2])
    assert after["residual"] < 0.05 * before["residual"]
    assert before["objective"] < after["objective"] <= after["objective_ceiling"]
