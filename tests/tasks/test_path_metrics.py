from __future__ import annotations

import math

import networkx as nx
import pytest
import torch

from geomem.tasks.path_metrics import EdgeSet, path_chance, path_metrics
from geomem.tasks.scoring import Predictions

TARGETS = torch.tensor([[0, 1, 2], [0, 3, 4], [0, 5, 6], [0, 7, 8]])
EDGES = torch.tensor([[0, 1], [1, 2], [0, 3], [3, 4], [0, 5], [5, 6], [0, 7], [7, 8]])


def test_numbers_by_hand():
    found = path_metrics(
        Predictions(
            forced=torch.tensor([[0, 1, 2], [0, 3, 4], [0, 3, 6], [0, 7, 9]]),
            free=torch.tensor([[0, 1, 2], [0, 3, 4], [0, 3, 4], [0, 7, 99]]),
            losses=torch.full((4, 3), 0.5),
            ranks=torch.tensor([0, 0, 4, 1]),
            restricted=torch.tensor([1, 1, 5, 7]),
        ),
        TARGETS,
        decision=1,
        graph=EdgeSet(EDGES, 9),
    )
    assert found == pytest.approx(
        {
            "exact": 0.5,
            "first_hop": 0.75,
            "rank": 0.5,
            "loss": 0.5,
            "first_hop_restricted": 0.75,
            "position_0": 1.0,
            "position_1": 0.75,
            "position_2": 0.5,
            "forced_0": 1.0,
            "forced_1": 0.75,
            "forced_2": 0.75,
            "child": 7 / 8,
        }
    )


def test_a_single_target_has_no_positions():
    one = TARGETS[:, 1:2]
    hit = Predictions(one, one, torch.zeros(4, 1), torch.zeros(4, dtype=torch.int64), None)
    found = path_metrics(hit, one, decision=0, graph=EdgeSet(EDGES, 9))
    assert found == {"exact": 1.0, "first_hop": 1.0, "rank": 0.0, "loss": 0.0}


def test_chance_is_what_a_guesser_gets():
    """Simulate the guesser: it knows which arms there are and picks one."""
    arms = torch.randint(0, 4, (200_000,), generator=torch.Generator().manual_seed(0))
    truth = torch.randint(0, 4, (200_000,), generator=torch.Generator().manual_seed(1))
    guess, targets = TARGETS[arms], TARGETS[truth]
    ranks = torch.rand(200_000, 4, generator=torch.Generator().manual_seed(2)).argsort(1)[:, 0]
    losses = torch.tensor([0.0, math.log(4), math.log(4)]).expand(len(arms), 3)
    found = path_metrics(Predictions(guess, guess, losses, ranks, guess[:, 1]), targets, 1, None)
    chance = path_chance([1, 4, 4], 4, 1, candidates=4)
    assert chance.keys() == found.keys()
    for name, value in found.items():
        assert value == pytest.approx(chance[name], abs=0.6 if name == "rank" else 0.01), name


def test_edge_set_is_what_networkx_says():
    graph = nx.gnm_random_graph(20, 40, seed=1)
    edges = EdgeSet(torch.tensor(list(graph.edges)), 20)
    sources, targets = torch.meshgrid(torch.arange(20), torch.arange(20), indexing="ij")
    assert torch.equal(edges.contains(sources, targets), torch.from_numpy(nx.to_numpy_array(graph) > 0))
    assert edges.density == pytest.approx(2 * nx.density(graph) / 2 * 19 / 20)


def test_special_tokens_are_nobodys_neighbour():
    # Node 1 of 9 and token 10: their key 1 * 9 + 10 = 2 * 9 + 1 is that of the edge (2, 1).
    assert not EdgeSet(EDGES, 9).contains(torch.tensor([1]), torch.tensor([10])).any()
