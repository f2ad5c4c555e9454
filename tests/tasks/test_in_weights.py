from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from geomem.batch import Batch, ContextBatch
from geomem.errors import InputError
from geomem.spec import resolve
from geomem.tasks import TASKS
from geomem.tasks.in_weights import InWeightsEdges, InWeightsPath
from geomem.tasks.specs import InWeightsEdgesSpec, InWeightsPathSpec
from tests.causal import Bag, Rule

STAR = {"kind": "path-star", "arms": 8, "length": 4}
TREE = {"kind": "tree-star", "arms": 4, "branching": 2, "length": 4}


def path_task(seed: int = 0, **settings: Any) -> InWeightsPath:
    return InWeightsPathSpec.model_validate({"graph": STAR, **settings}).build(seed)


def edge_task(seed: int = 0, **settings: Any) -> InWeightsEdges:
    return InWeightsEdgesSpec.model_validate({"graph": STAR, **settings}).build(seed)


class Scholar:
    """Knows every path, and goes on correctly from whatever was said; `first_hops` (leaf -> node) leads it astray."""

    def __init__(self, task: InWeightsPath, first_hops: dict[int, int] | None = None) -> None:
        self.task, self.first_hops = task, first_hops or {}
        self.answers = dict(zip(task.paths[:, -1].tolist(), task.targets.tolist(), strict=True))
        self.arms = {node: path for path in task.paths.tolist() for node in path[1:]}

    def __call__(self, tokens: Tensor) -> Tensor:
        return torch.tensor([self.after(row) for row in tokens.tolist()])

    def after(self, row: list[int]) -> int:
        position = len(row) - self.task.prefixes.shape[1]
        if row[0] != self.task.vocabulary.path or position < 0:
            return 0
        answer = self.answers[row[1]]
        if position == self.task.decision:
            return self.first_hops.get(row[1], answer[position])
        if position > self.task.decision and row[-1] in self.arms:
            return self.arms[row[-1]][position] if self.first_hops else answer[position]
        return answer[position]


@pytest.mark.parametrize("target", ["full", "hardest", "reversed"])
@pytest.mark.parametrize("teacherless", [False, True])
def test_a_scholar_scores_one(target: str, teacherless: bool):
    task = path_task(target=target, teacherless=teacherless, pauses=2)
    scores = task.score(Rule(task.vocabulary.size, Scholar(task)))
    for name, value in scores.items():
        number = name.rpartition("/")[2]
        if name.startswith("paths/") and number != "loss":
            assert value == (0.0 if number == "rank" else 1.0), name
    assert scores.keys() == task.chance.keys()


def test_a_wrong_turn_is_followed_to_the_wrong_leaf():
    task = path_task()
    held = task.paths[task.held_out].tolist()
    # Every held-out leaf is sent down a trained arm: fluent, and wrong from the first hop on.
    trained = task.paths[~task.held_out].tolist()
    astray = {path[-1]: trained[k][1] for k, path in enumerate(held)}
    scores = task.score(Rule(task.vocabulary.size, Scholar(task, astray)))
    assert scores["paths/train/exact"] == 1.0
    assert scores["paths/held_out/exact"] == 0.0
    assert scores["paths/held_out/position_0"] == 1.0
    assert scores["paths/held_out/first_hop"] == scores["paths/held_out/position_1"] == 0.0
    assert scores["paths/held_out/position_3"] == 0.0
    assert scores["paths/held_out/forced_3"] == 1.0
    assert scores["paths/held_out/child"] == 1.0


def test_label_bias_shows_in_the_unrestricted_number_alone():
    """Trained first hops are ranked above the right held-out one, which is still the best held-out one."""
    task = path_task(target="hardest")
    first_hop = {path[-1]: path[1] for path in task.paths.tolist()}
    trained = task.paths[~task.held_out, 1]

    def biased(tokens: Tensor) -> Tensor:
        logits = torch.zeros(len(tokens), task.vocabulary.size)
        for row, leaf in enumerate(tokens[:, 1].tolist() if tokens.shape[1] > 1 else []):
            logits[row, first_hop.get(leaf, 0)] = 5.0
        logits[:, trained] += 6.0
        return logits

    scores = task.score(Rule(task.vocabulary.size, biased), parts={"paths"})
    assert scores["paths/held_out/first_hop"] == 0.0
    assert scores["paths/held_out/first_hop_restricted"] == 1.0
    assert scores["paths/held_out/rank"] == 6
    assert scores["paths/train/first_hop"] == 1.0


def test_contexts_and_examples_have_the_same_loss_and_gradient():
    from geomem.objectives.next_token import NextToken

    found: list[tuple[float, list[Tensor]]] = []
    for form, kind in (("contexts", ContextBatch), ("examples", Batch)):
        task = path_task(edge_form=form, self_edges=True)
        batch = task.streams()["edges"].full()
        assert isinstance(batch, kind)
        model = Bag(task.vocabulary.size).double()
        loss = NextToken()(model, batch)
        loss.backward()
        found.append((loss.item(), [p.grad for p in model.parameters() if p.grad is not None]))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-6)
    for one, other in zip(found[0][1], found[1][1], strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-6)
        assert one.abs().max() > 1e-3


@pytest.mark.parametrize(
    ("directions", "self_edges", "count"), [("both", False, 48), ("forward", False, 24), ("backward", True, 24 + 25)]
)
def test_edges_stated(directions: str, self_edges: bool, count: int):
    task = edge_task(directions=directions, self_edges=self_edges)
    pairs = task.evidence()["edges"]
    assert isinstance(pairs, Tensor)
    assert pairs.shape == (count, 2)
    expected = task.graph.directed_edges(directions, self_edges=self_edges)  # type: ignore[arg-type]
    assert pairs.tolist() == expected.tolist()


def test_edge_floor_is_that_of_the_card():
    # The root: log d on d of the 2 d (l - 1) examples; inner nodes: log 2 on 2 of each of their edges.
    d, length = 8, 4
    inner = 2 * d * (length - 2) * math.log(2)
    assert edge_task().edges.floor == pytest.approx((d * math.log(d) + inner) / (2 * d * (length - 1)))


def test_edges_of_held_out_paths_are_trained_on():
    task = path_task()
    pairs = set(map(tuple, task.edges.pairs.tolist()))
    for path in task.paths[task.held_out].tolist():
        assert all((u, v) in pairs and (v, u) in pairs for u, v in pairwise(path))


def test_path_streams_split_the_paths():
    task = path_task()
    train, held_out = task.streams(), task.streams("held_out")
    assert {name: stream.size for name, stream in train.items()} == {"edges": 25, "paths": 6}
    assert {name: stream.size for name, stream in held_out.items()} == {"paths": 2}
    leaves = {int(row[1]) for row in held_out["paths"].full().tokens}
    assert leaves == set(task.paths[task.held_out, -1].tolist())
    assert edge_task().streams("held_out") == {}


def test_training_on_all_paths_leaves_nothing_to_hold_out():
    task = path_task(train_share=1.0)
    assert task.streams("held_out") == {}
    scores = task.score(Bag(task.vocabulary.size))
    assert not any("held_out" in name for name in scores)
    assert scores.keys() == task.chance.keys()


def test_chance_of_a_path_star_and_a_tree_star():
    chance = path_task().chance
    assert chance["paths/held_out/exact"] == chance["paths/held_out/first_hop"] == 1 / 8
    assert chance["paths/held_out/first_hop_restricted"] == 1 / 2
    assert chance["paths/train/position_0"] == 1.0
    tree = path_task(graph=TREE).chance
    assert tree["paths/held_out/exact"] == 1 / 16
    assert tree["paths/held_out/first_hop"] == 1 / 4
    hardest = path_task(graph=TREE, target="hardest").chance
    assert hardest["paths/held_out/exact"] == 1 / 4


def test_subtree_split_holds_out_an_arm():
    task = path_task(graph=TREE, split="subtree")
    held = task.paths[task.held_out]
    assert held.shape == (4, 4)
    assert len(torch.unique(held[:, 1])) == 1
    assert task.chance["paths/held_out/first_hop_restricted"] == 1.0


def test_start_node_and_pauses_stand_before_the_path():
    task = path_task(start_node=True, pauses=3)
    root, leaf = task.paths[0, 0].item(), task.paths[0, -1].item()
    words = task.vocabulary
    assert task.prefixes[0].tolist() == [words.path, root, leaf, *[words.pause] * 3]


def test_evidence_is_what_measurements_read():
    task = path_task()
    evidence = task.evidence()
    assert evidence["num_nodes"] == 25
    assert evidence["graph_edges"].tolist() == task.graph.edges.tolist()  # type: ignore[union-attr]
    assert evidence["paths"].shape == (8, 4)  # type: ignore[union-attr]
    assert evidence["held_out"].sum() == 2  # type: ignore[union-attr]
    grid = edge_task(graph={"kind": "grid", "rows": 3, "columns": 4}).evidence()
    assert grid["coordinates"].shape == (12, 2)  # type: ignore[union-attr]
    assert grid["coordinate_kind"] == "plane"


def test_edge_prefixes_and_logits_are_in_node_order():
    task = edge_task()
    prefixes = task.edge_prefix_tokens()
    assert prefixes.tolist() == [[task.vocabulary.edge, node] for node in range(25)]
    model = Bag(task.vocabulary.size)
    logits = torch.cat([part for _, part in task.edge_logits(model)])
    assert torch.allclose(logits, model(input_ids=prefixes).logits[:, -1])


def test_parts_are_scored_alone():
    task, model = path_task(), Bag(path_task().vocabulary.size)
    edges, paths = task.score(model, parts={"edges"}), task.score(model, parts={"paths"})
    assert edges | paths == task.score(model)
    assert all(name.startswith("edges/") for name in edges)
    assert all(name.startswith("paths/") for name in paths)


def test_the_seed_decides_everything():
    one, same, other = path_task(3), path_task(3), path_task(4)
    assert torch.equal(one.paths, same.paths)
    assert torch.equal(one.held_out, same.held_out)
    assert not torch.equal(one.paths, other.paths)


def test_paths_through_any_graph_with_a_root():
    task = path_task(graph={"kind": "grid", "rows": 3, "columns": 3}, root=0, path_length=4)
    # Three hops from a corner of the 3 x 3 grid lie two nodes.
    assert sorted(task.paths[:, -1].tolist()) == [5, 7]
    assert task.paths[:, 0].tolist() == [0, 0]
    steps = np.stack([task.paths[:, :-1].flatten(), task.paths[:, 1:].flatten()], axis=1)
    joined = {frozenset(edge) for edge in task.graph.edges.tolist()}
    assert all(frozenset(step) in joined for step in steps.tolist())
    named = path_task(graph={"kind": "grid", "rows": 3, "columns": 3}, root="0", path_length=4)
    assert torch.equal(named.paths, task.paths)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"graph": {"kind": "cycle"}}, "has no paths of its own; give root and path_length"),
        ({"graph": {"kind": "grid", "rows": 3, "columns": 3}, "root": "x9", "path_length": 3}, "unknown node 'x9'"),
        ({"graph": {"kind": "grid", "rows": 3, "columns": 3}, "root": 99, "path_length": 3}, "99"),
        ({"graph": {"kind": "path-star", "arms": 1}}, "leaves none to train on"),
    ],
)
def test_impossible_paths_are_one_clear_line(settings: dict[str, Any], message: str):
    with pytest.raises(InputError) as caught:
        path_task(**settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": "easiest"}, "task.target:"),
        ({"pauses": -1}, "task.pauses:"),
        ({"train_share": 0}, "task.train_share:"),
        ({"root": 3}, "root: needs path_length"),
        ({"paces": 2}, "did you mean 'pauses'?"),
        ({"graph": "path-stra"}, "did you mean 'path-star'?"),
    ],
)
def test_bad_settings_are_one_clear_line(settings: dict[str, Any], message: str):
    with pytest.raises(InputError) as caught:
        resolve(TASKS, {"kind": "in-weights-path", **settings}, "task")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_edges_can_be_learned():
    from geomem.objectives.next_token import NextToken

    task = edge_task()
    model = Bag(task.vocabulary.size, width=16)
    before = task.score(model)["edges/excess_loss"]
    optimiser = torch.optim.Adam(model.parameters(), lr=0.1)
    batch = task.streams()["edges"].full()
    for _ in range(60):
        optimiser.zero_grad()
        NextToken()(model, batch).backward()
        optimiser.step()
    assert before > 2.0
    assert 0 <= task.score(model)["edges/excess_loss"] < 0.05
