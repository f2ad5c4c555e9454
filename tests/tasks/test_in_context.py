from __future__ import annotations

import networkx as nx
import pytest
import torch
from torch import Tensor

from geomem.batch import IGNORE, Batch
from geomem.errors import InputError
from geomem.spec import validate
from geomem.tasks.in_context import InContextPath, InContextStream
from geomem.tasks.specs import InContextPathSpec
from tests.causal import Rule


def build(seed: int = 0, **settings: object) -> InContextPath:
    return InContextPathSpec.model_validate({"test_size": 60, **settings}).build(seed)


def prompts(task: InContextPath, count: int = 40) -> Batch:
    batch = task.streams()["paths"].batch(torch.arange(count))
    assert isinstance(batch, Batch)
    return batch


def read(task: InContextPath, row: list[int]) -> tuple[nx.DiGraph, int, int, list[int]]:
    """Read a sequence back: the graph, root, goal and what follows."""
    cut = row.index(task.vocabulary.slash)
    edges = [row[k : k + 2] for k in range(0, cut, 3)]
    assert all(row[k] == task.vocabulary.bar for k in range(2, cut, 3))
    return nx.DiGraph(edges), row[cut + 1], row[cut + 2], row[cut + 3 :]


@pytest.mark.parametrize(("arms", "length", "names"), [(2, 5, 50), (10, 5, 50), (20, 5, 81), (3, 2, 50)])
def test_every_prompt_is_a_star_and_its_answer_the_path(arms: int, length: int, names: int):
    task = build(arms=arms, length=length)
    assert task.vocabulary.num_nodes == names
    for tokens, labels in zip(prompts(task).tokens.tolist(), prompts(task).labels.tolist(), strict=True):
        graph, root, goal, answer = read(task, tokens)
        assert graph.number_of_nodes() == arms * (length - 1) + 1
        assert graph.number_of_edges() == arms * (length - 1)
        assert sorted(degree for _, degree in graph.out_degree()) == sorted(
            [0] * arms + [1] * (arms * (length - 2)) + [arms]
        )
        assert graph.out_degree(root) == arms
        assert graph.out_degree(goal) == 0
        assert answer == nx.shortest_path(graph, root, goal)
        assert labels == [IGNORE] * (len(tokens) - length) + answer


def test_reversed_answers_start_at_the_goal():
    forward, backward = prompts(build()), prompts(build(target="reversed"))
    assert torch.equal(forward.tokens[:, :-5], backward.tokens[:, :-5])
    assert torch.equal(forward.tokens[:, -5:].flip(1), backward.tokens[:, -5:])


def test_teacherless_inputs_hide_the_answer():
    shown, hidden = prompts(build()), prompts(build(teacherless=True))
    filler = build().vocabulary.filler
    assert torch.equal(hidden.labels, shown.labels)
    assert hidden.tokens[:, -5:].eq(filler).all()
    assert torch.equal(hidden.tokens[:, :-5], shown.tokens[:, :-5])


def test_an_example_is_a_function_of_seed_and_index():
    stream = build(seed=1).streams()["paths"]
    whole, parts = stream.batch(torch.tensor([7, 190_000, 3])), stream.batch(torch.tensor([190_000]))
    assert torch.equal(whole.tokens[1:2], parts.tokens)
    again = build(seed=1).streams()["paths"].batch(torch.tensor([7, 190_000, 3]))
    assert torch.equal(whole.tokens, again.tokens)
    other = build(seed=2).streams()["paths"].batch(torch.tensor([7, 190_000, 3]))
    assert not torch.equal(whole.tokens, other.tokens)


def test_held_out_prompts_are_other_prompts():
    task = build(train_size=500)
    rows = [
        {tuple(row) for row in task.streams(split)["paths"].full().tokens.tolist()} for split in ("train", "held_out")
    ]  # type: ignore[arg-type]
    assert [len(found) for found in rows] == [500, 60]
    assert not rows[0] & rows[1]


def test_neither_names_nor_places_give_the_answer_away():
    stream = build(arms=2, length=3, num_nodes=5).streams()["paths"]
    assert isinstance(stream, InContextStream)
    tokens = stream.batch(torch.arange(20_000)).tokens
    # Each of 5 names is the first hop of the asked arm equally often, and its edge stands in each of 4 places.
    hops = torch.bincount(tokens[:, -2], minlength=5) / 20_000
    assert hops.tolist() == pytest.approx([0.2] * 5, abs=0.015)
    children = tokens[:, 1:12:3]
    places = (children == tokens[:, -2:-1]).double().mean(0)
    assert places.tolist() == pytest.approx([0.25] * 4, abs=0.015)


class Reader:
    """Reads the star in the prompt; at the root it takes the arm with the lowest first hop, or the right one."""

    def __init__(self, task: InContextPath, *, knows: bool) -> None:
        self.task, self.knows = task, knows

    def __call__(self, tokens: Tensor) -> Tensor:
        return torch.tensor([self.after(row) for row in tokens.tolist()])

    def after(self, row: list[int]) -> int:
        slash = self.task.vocabulary.slash
        if slash not in row or len(row) < row.index(slash) + 3:
            return 0
        graph, root, goal, said = read(self.task, row)
        if not said:
            return root
        if said[-1] == root:
            return nx.shortest_path(graph, root, goal)[1] if self.knows else min(graph.successors(root))
        return next(iter(graph.successors(said[-1])), 0) if said[-1] in graph else 0


def test_a_reader_scores_one_and_the_cheat_scores_chance():
    task = build(test_size=400)
    scores = task.score(Rule(task.vocabulary.size, Reader(task, knows=True)))
    assert scores["paths/held_out/exact"] == 1.0
    assert scores.keys() == task.chance.keys()
    cheat = task.score(Rule(task.vocabulary.size, Reader(task, knows=False)))
    assert task.chance["paths/held_out/exact"] == task.chance["paths/held_out/first_hop"] == 0.5
    assert cheat["paths/held_out/exact"] == pytest.approx(0.5, abs=0.1)
    assert cheat["paths/held_out/forced_2"] == cheat["paths/held_out/forced_4"] == 1.0
    assert task.score(Rule(task.vocabulary.size, Reader(task, knows=True)), parts={"edges"}) == {}


def test_too_few_names_are_one_clear_line():
    with pytest.raises(InputError) as caught:
        validate(InContextPathSpec, {"arms": 20, "num_nodes": 50}, "task")
    assert str(caught.value).endswith("num_nodes: a star of 20 arms of length 5 has 81 nodes, got 50 names")
    assert "\n" not in str(caught.value)
