"""Node2Vec's steps against autograd and finite differences; negative sampling; large graphs."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

import geomem.models.node2vec_training as training
from geomem.errors import InputError
from geomem.models.node2vec import Node2Vec
from geomem.models.node2vec_training import NegativeSampler, Targets, ascent, sampled_ascent, train_node2vec
from geomem.models.specs import Node2VecSpec


def cycle(nodes: int) -> torch.Tensor:
    a = torch.arange(nodes)
    b = (a + 1) % nodes
    return torch.cat([torch.stack([a, b], 1), torch.stack([b, a], 1)])


def irregular() -> torch.Tensor:
    """A hub, a self-edge, a one-way edge, and node 6 that nobody leaves from."""
    pairs = [(0, 1), (1, 0), (0, 2), (2, 0), (0, 3), (3, 0), (4, 4), (4, 5), (5, 0), (5, 6), (1, 2)]
    return torch.tensor(pairs)


def loss_of(model: Node2Vec, edges: torch.Tensor) -> torch.Tensor:
    """The objective, written node by node."""
    total = torch.zeros(())
    for node in edges[:, 0].unique().tolist():
        neighbours = edges[edges[:, 0] == node, 1]
        total = total - F.log_softmax(model.weight[node] @ model.output.T, dim=0)[neighbours].mean()
    return total


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("edges", [cycle(7), irregular()], ids=["cycle", "irregular"])
@pytest.mark.parametrize("limits", [(512, 4_000_000), (0, 4_000_000), (0, 15)], ids=["dense", "sparse", "chunks"])
def test_direction_is_minus_the_gradient(
    tied: bool, edges: torch.Tensor, limits: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "DENSE_NODES", limits[0])
    monkeypatch.setattr(training, "CHUNK_ENTRIES", limits[1])
    model = Node2VecSpec(width=4, tied=tied, std=0.7).build(7, 0)
    loss = loss_of(model, edges)
    loss.backward()
    directions, mean = ascent(model, Targets.from_edges(7, edges))
    for direction, table in zip(directions, model.parameters(), strict=True):
        torch.testing.assert_close(direction, -table.grad, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(mean, (loss / len(edges[:, 0].unique())).detach())


def test_a_step_is_v_plus_lr_c_v() -> None:
    edges = cycle(6)
    spec = Node2VecSpec(width=3, steps=1, lr=0.05)
    start = spec.build(6, 2).weight.detach().double()
    adjacency = torch.zeros(6, 6, dtype=torch.float64)
    adjacency[edges[:, 0], edges[:, 1]] = 1
    excess = adjacency / adjacency.sum(1, keepdim=True) - (start @ start.T).softmax(1)
    want = start + 0.05 * (excess + excess.T) @ start
    torch.testing.assert_close(train_node2vec(6, edges, spec, 2).weight.double(), want, atol=1e-6, rtol=1e-5)


def test_training_learns_the_cycle_and_is_deterministic() -> None:
    spec = Node2VecSpec(steps=2000)
    model = train_node2vec(15, cycle(15), spec, 7)
    scores = (model.weight @ model.weight.T).detach().fill_diagonal_(-1e9)
    top = scores.topk(2).indices.sort().values
    nodes = torch.arange(15)
    assert torch.equal(top, torch.stack([(nodes - 1) % 15, (nodes + 1) % 15], 1).sort().values)
    assert torch.equal(model.weight, train_node2vec(15, cycle(15), spec, 7).weight)


def test_recording_sees_each_moment_before_its_update() -> None:
    seen: list[tuple[int, float, float]] = []

    def record(step: int, model: Node2Vec, loss: float) -> None:
        seen.append((step, loss, float(loss_of(model, cycle(6)).detach()) / 6))

    train_node2vec(6, cycle(6), Node2VecSpec(width=3, steps=5), 0, record_every=2, callback=record)
    assert [step for step, *_ in seen] == [0, 2, 4, 5]
    for _, reported, actual in seen:
        assert reported == pytest.approx(actual, rel=1e-5)
    assert seen[-1][1] < seen[0][1]


@pytest.mark.parametrize("optimiser", ["momentum", "adam"])
def test_faster_optimisers_descend_further(optimiser: str) -> None:
    def final(name: str) -> float:
        spec = Node2VecSpec(width=8, std=0.1, steps=40, lr=0.05, optimiser=name)  # pyright: ignore[reportArgumentType]
        return float(loss_of(train_node2vec(15, cycle(15), spec, 0), cycle(15)).detach())

    assert final(optimiser) < final("gradient-flow") - 1.0


def test_sampling_never_draws_a_neighbour_and_draws_everything_else() -> None:
    edges = irregular()
    targets = Targets.from_edges(7, edges)
    sampler = NegativeSampler(targets, 7, 400, seed=0)
    drawn = sampler.draw()
    assert drawn.shape == (len(edges), 400)
    for (node, _), row in zip(sampler.edges.tolist(), drawn, strict=True):
        neighbours = set(edges[edges[:, 0] == node, 1].tolist())
        assert set(row.tolist()) == set(range(7)) - neighbours
        counts = torch.bincount(row, minlength=7).float()
        free = 7 - len(neighbours)
        assert (counts[counts > 0] / 400 - 1 / free).abs().max() < 0.12


def test_sampled_direction_is_minus_the_gradient_of_the_sampled_loss() -> None:
    edges = irregular()
    targets = Targets.from_edges(7, edges)
    for tied in (True, False):
        model = Node2VecSpec(width=4, tied=tied, std=0.7).build(7, 0)
        others = NegativeSampler(targets, 7, 3, seed=1).draw()
        total = torch.zeros(())
        degree = torch.bincount(edges[:, 0])
        for (u, v), row in zip(targets.edges.tolist(), others, strict=True):
            here = F.logsigmoid(model.weight[u] @ model.output[v])
            here = here + F.logsigmoid(-(model.output[row] @ model.weight[u])).sum()
            total = total - here / degree[u]
        total.backward()
        directions, mean = sampled_ascent(model, NegativeSampler(targets, 7, 3, seed=1))
        for direction, table in zip(directions, model.parameters(), strict=True):
            torch.testing.assert_close(direction, -table.grad, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(mean, (total / 6).detach())


def test_negative_sampling_learns_too() -> None:
    spec = Node2VecSpec(width=16, std=0.1, steps=400, optimiser="adam", lr=0.05, negatives=3)
    model = train_node2vec(15, cycle(15), spec, 0)
    scores = (model.weight @ model.weight.T).detach().fill_diagonal_(-1e9)
    assert (scores.topk(2).indices.sort().values[3] == torch.tensor([2, 4])).all()


def test_bad_edges_are_clear_errors() -> None:
    for edges, message in [
        (torch.tensor([[0, 1], [0, 1]]), r"1 duplicate pair"),
        (torch.tensor([[0, 9]]), r"outside 0..4"),
        (torch.zeros(0, 2, dtype=torch.int64), r"at least one pair"),
    ]:
        with pytest.raises(InputError, match=message):
            train_node2vec(5, edges, Node2VecSpec(steps=1), 0)
    with pytest.raises(InputError, match="node 0 is a neighbour of every node"):
        train_node2vec(2, torch.tensor([[0, 0], [0, 1]]), Node2VecSpec(steps=1, negatives=2), 0)
