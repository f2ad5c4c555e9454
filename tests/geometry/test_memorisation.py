from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from geomem.geometry.memorisation import (
    TopDegreeRecovery,
    dot_product_recovery,
    edge_accuracy,
    edge_accuracy_ceiling,
    edge_cross_entropy,
    entropy_floor,
    measure_edge_fit,
    measure_top_degree,
    top_degree_recovery,
)
from tests.geometry.samples import both, cycle, irregular, normal, path_star, random_graph, with_self_edges


def naive_recovery(logits: Tensor, edges: Tensor, cap: int | None) -> float:
    scores = []
    for node in range(len(logits)):
        true = {int(v) for u, v in edges if int(u) == node}
        if true:
            k = len(true) if cap is None else min(len(true), cap)
            top = np.argsort(-logits[node].numpy())[:k]
            scores.append(len(true & set(top.tolist())) / len(true))
    return float(np.mean(scores))


@settings(max_examples=20, deadline=None)
@given(st.integers(3, 25), st.integers(2, 80), st.sampled_from([None, 1, 5]), st.integers(0, 100))
def test_top_degree_against_a_loop(count: int, edges: int, cap: int | None, seed: int) -> None:
    pairs = with_self_edges(random_graph(count, edges, seed), count)
    logits = normal(count, count + 9, seed=seed)
    assert float(top_degree_recovery(logits, pairs, cap=cap)) == pytest.approx(naive_recovery(logits, pairs, cap))


def test_a_model_that_says_the_same_of_every_token_gets_chance() -> None:
    edges, _ = path_star(20, 3)
    found = measure_top_degree(torch.zeros(41, 50), both(edges))
    assert found["recovery"] == pytest.approx(found["chance"])
    assert found["capped"] == pytest.approx(found["capped_chance"])


def test_a_look_up_table_is_found_and_hubs_are_capped() -> None:
    edges = both(path_star(20, 3)[0])
    logits = torch.zeros(41, 50)
    logits[edges[:, 0], edges[:, 1]] = 1.0
    found = measure_top_degree(logits, edges)
    assert found["recovery"] == 1.0
    # One hub of degree 20 shows 5 of its 20 neighbours; the other 40 nodes show all.
    assert found["capped"] == pytest.approx((40 + 5 / 20) / 41)
    assert found["capped"] == pytest.approx(found["capped_ceiling"])


def test_streaming_equals_exact_and_merges() -> None:
    edges, logits = both(irregular()), normal(16, 25).float()
    exact = top_degree_recovery(logits, edges)
    shards = [TopDegreeRecovery(edges, 16) for _ in range(2)]
    order = torch.randperm(16, generator=torch.Generator().manual_seed(1))
    for place, nodes in enumerate(order.split(3)):
        shards[place % 2].update(logits[nodes], nodes)
    shards[0].merge_state(shards[1])
    assert torch.allclose(shards[0].compute(), exact, atol=1e-15)
    shards[0].reset()
    shards[0].update(logits, torch.arange(16))
    assert torch.allclose(shards[0].compute(), exact, atol=1e-15)


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("self_edges", [False, True])
def test_dot_product_recovery_against_a_loop(k: int, self_edges: bool) -> None:
    edges = both(irregular())
    edges = with_self_edges(edges, 16) if self_edges else edges
    table = normal(16, 4)
    scores = (table @ table.T).numpy()
    if not self_edges:
        np.fill_diagonal(scores, -np.inf)
    hits = [int(v) in np.argsort(-scores[int(u)])[:k] for u, v in edges]
    assert float(dot_product_recovery(table, edges, k=k)) == pytest.approx(np.mean(hits))


def test_edge_fit_against_torch_and_its_floor() -> None:
    edges, logits = both(irregular()), normal(16, 25)
    expected = torch.nn.functional.cross_entropy(logits[edges[:, 0]], edges[:, 1])
    assert torch.allclose(edge_cross_entropy(logits, edges), expected)
    perfect = torch.full((16, 25), -1e9)
    perfect[edges[:, 0], edges[:, 1]] = 0.0
    found = measure_edge_fit(perfect, edges)
    assert found["loss_excess"] == pytest.approx(0, abs=1e-9)
    assert found["accuracy"] == pytest.approx(found["accuracy_ceiling"]) == pytest.approx(16 / 40)
    assert float(edge_accuracy(logits, edges)) <= float(edge_accuracy_ceiling(edges))


def test_entropy_floor_of_a_path_star_in_closed_form() -> None:
    # With both directions: log d on d of the 2 d (l - 1) examples, 0 on the d leaves' own, log 2 on the rest.
    arms, length = 7, 5
    edges = both(path_star(arms, length)[0])
    total = arms * math.log(arms) + (2 * arms * (length - 1) - 2 * arms) * math.log(2)
    assert float(entropy_floor(edges)) == pytest.approx(total / (2 * arms * (length - 1)))
    assert float(entropy_floor(cycle(9))) == 0.0
