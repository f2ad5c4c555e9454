from __future__ import annotations

import numpy as np
import pytest
import torch

from geomem.errors import InputError
from geomem.geometry.graph_spectrum import eigen_projections
from geomem.geometry.lowrank import bilinear_scores, diagonal_part, measure_skewed_low_rank
from tests.geometry.samples import both, complete, cycle, irregular, normal


def naive(scores: np.ndarray, edges: torch.Tensor) -> tuple[float, float]:
    margins, hits = [], []
    for node in range(len(scores)):
        true = sorted({v for u, v in edges.tolist() if u == node} - {node})
        if true:
            others = [v for v in range(len(scores)) if v not in true and v != node]
            margins.append(scores[node, true].max() - scores[node, others].max())
            hits.append(int(scores[node].argmax()) in true)
    return float(np.mean(margins)), float(np.mean(hits))


def test_against_loops_and_the_written_formulas() -> None:
    table, middle, edges = normal(25, 6), normal(6, 6, seed=1), irregular()
    found = measure_skewed_low_rank(table, middle, edges)
    basis = np.linalg.svd(table.numpy(), full_matrices=False)[2].T
    reduced = basis @ np.diag(np.diag(basis.T @ middle.numpy() @ basis)) @ basis.T
    for name, matrix in [("s0", middle.numpy()), ("s1", reduced), ("network", middle.numpy().T)]:
        margin, accuracy = naive(table.numpy() @ matrix @ table.numpy().T, edges)
        assert found[f"margin_{name}"] == pytest.approx(margin)
        assert found[f"accuracy_{name}"] == pytest.approx(accuracy)


def test_network_orientation_is_what_a_linear_layer_computes() -> None:
    table, edges = normal(12, 4), torch.stack([torch.arange(8), torch.arange(8) + 1], dim=1)
    layer = torch.nn.Linear(4, 4, bias=False, dtype=torch.float64)
    weight = layer.weight.detach()
    expected = naive((layer(table) @ table.T).detach().numpy(), edges)
    found = measure_skewed_low_rank(table, weight, edges)
    assert (found["margin_network"], found["accuracy_network"]) == pytest.approx(expected)


def test_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    table, middle, edges = normal(25, 6), normal(6, 6, seed=1), irregular()
    whole = bilinear_scores(table, middle, edges)
    monkeypatch.setattr(
        "geomem.geometry.lowrank.row_chunks", lambda rows, width: [slice(i, i + 1) for i in range(rows)]
    )
    assert bilinear_scores(table, middle, edges) == whole


def test_diagonal_part_is_a_projection_and_symmetric() -> None:
    table, middle = normal(25, 6), normal(6, 6, seed=1)
    once = diagonal_part(table, middle)
    assert torch.allclose(once, once.T)
    assert torch.allclose(diagonal_part(table, once), once)


def test_geometric_memory_keeps_its_margin_and_associative_memory_loses_it() -> None:
    edges = both(cycle(15))
    # Geometric: nodes on a circle of unequal axes (so that E has singular vectors of its own), W the identity.
    circle = eigen_projections(normal(15, 1), cycle(15)).vectors[:, 1:3]
    table = torch.zeros(24, 8, dtype=torch.float64)
    table[:15, :2] = circle * torch.tensor([1.0, 1.1])
    geometric = measure_skewed_low_rank(table, torch.eye(8), edges)
    assert geometric["margin_s1"] == pytest.approx(geometric["margin_s0"])
    assert geometric["margin_s1"] > 0
    # Associative: random rows, W = pseudo-inverse recall of the adjacency.
    random = normal(24, 64)
    target = torch.zeros(24, 24, dtype=torch.float64)
    target[edges[:, 0], edges[:, 1]] = 1
    inverse = torch.linalg.pinv(random)
    associative = measure_skewed_low_rank(random, inverse @ target @ inverse.T, edges)
    assert associative["margin_s0"] == pytest.approx(1)
    assert associative["accuracy_s0"] == 1
    assert associative["margin_s1"] < 0.2


def test_no_non_neighbour() -> None:
    with pytest.raises(InputError, match="non-neighbour"):
        bilinear_scores(normal(4, 2), torch.eye(2), both(complete(4)))
