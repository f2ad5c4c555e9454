from __future__ import annotations

import itertools
import math
from types import SimpleNamespace
from typing import Any

import networkx as nx
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from geomem.batch import IGNORE, Batch
from geomem.decoding.reader import OneShot
from geomem.errors import InputError
from geomem.spec import validate
from geomem.tasks.in_context import InContextPath, InContextStream
from geomem.tasks.specs import InContextPathSpec
from geomem.tasks.streams import ENDLESS
from geomem.tasks.vocabulary import PromptVocabulary, Vocabulary
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
    words = task.vocabulary
    assert isinstance(words, PromptVocabulary | Vocabulary)
    assert all(row[k] == words.bar for k in range(2, cut, 3))
    after = cut + 3
    if isinstance(words, PromptVocabulary) and len(row) > after:
        assert row[after] == words.equals
        after += 1
    return nx.DiGraph(edges), row[cut + 1], row[cut + 2], row[after:]


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
    hops = torch.bincount(tokens[:, -2], minlength=5)
    assert stats.chisquare(hops.numpy()).pvalue > 1e-3
    places = (tokens[:, 1:12:3] == tokens[:, -2:-1]).sum(0)
    assert int(places.sum()) == 20_000
    assert stats.chisquare(places.numpy()).pvalue > 1e-3


def test_edges_stand_in_every_order_equally_often():
    stars = build(arms=2, length=3, num_nodes=5).stream("train").stars(torch.arange(24_000))
    # The 4 edges of a star by the place of their parent and child among its 5 nodes: 24 orders.
    nodes = torch.cat([stars.arms[:, 0], stars.arms[:, 1, 1:]], dim=1)
    edges = stars.prompts[:, :12].view(-1, 4, 3)[:, :, :2]
    codes = (edges[..., None] == nodes[:, None, None]).int().argmax(3)
    assert torch.equal(codes.sort(1).values[:, :, 0], torch.tensor([0, 0, 1, 3]).expand(24_000, 4))
    orders = (codes[..., 1] * torch.tensor([1, 5, 25, 125])).sum(1)
    found, counts = torch.unique(orders, return_counts=True)
    assert len(found) == 24
    assert stats.chisquare(counts.numpy()).pvalue > 1e-3
    # The places of both arms' first edges are where the prompt has them.
    for arm in range(2):
        at = edges[torch.arange(24_000), stars.places[:, arm]]
        assert torch.equal(at, stars.arms[:, arm, :2])


@pytest.mark.parametrize(("arms", "length", "names"), [(2, 4, 12), (2, 5, 50), (3, 4, 12), (5, 3, 50)])
def test_the_layout_is_the_papers_token_by_token(arms: int, length: int, names: int):
    task = build(arms=arms, length=length, num_nodes=names)
    edges = arms * (length - 1)
    assert task.vocabulary.size == names + 4
    bar, equals, slash, filler = names, names + 1, names + 2, names + 3
    assert task.vocabulary.names([0, names - 1, bar, equals, slash, filler]) == ["0", f"{names - 1}", *"|=/$"]
    batch, stars = prompts(task, 50), task.stream("train").stars(torch.arange(50))
    assert batch.tokens.shape == (50, 3 * edges + 3 + length)
    for row, labels, star in zip(batch.tokens.tolist(), batch.labels.tolist(), stars.arms.tolist(), strict=True):
        parents = {child: parent for arm in star for parent, child in itertools.pairwise(arm)}
        listed = [(row[3 * k], row[3 * k + 1]) for k in range(edges)]
        assert sorted(listed) == sorted((parent, child) for child, parent in parents.items())
        assert [row[3 * k + 2] for k in range(edges)] == [bar] * (edges - 1) + [slash]
        assert row[3 * edges : 3 * edges + 3] == [star[0][0], star[0][-1], equals]
        assert row[3 * edges + 3 :] == star[0]
        assert labels == [IGNORE] * (3 * edges + 3) + star[0]


def test_the_layout_of_graphs_in_the_weights_is_still_there():
    task = build(layout="in-weights")
    assert task.vocabulary.size == 59
    old, new = prompts(task), prompts(build())
    assert torch.equal(
        new.tokens[:, :23] % 50 * (new.tokens[:, :23] < 50), old.tokens[:, :23] % 50 * (old.tokens[:, :23] < 50)
    )
    assert torch.equal(old.tokens[:, -5:], new.tokens[:, -5:])
    assert torch.equal(old.tokens[:, 24:26], new.tokens[:, 24:26])
    assert old.tokens.shape[1] == new.tokens.shape[1] - 1


def test_every_answer_is_the_only_path():
    for tokens in prompts(build(arms=3, length=4)).tokens.tolist():
        graph, root, goal, answer = read(build(arms=3, length=4), tokens)
        assert list(nx.all_simple_paths(graph, root, goal)) == [answer]


def test_fresh_prompts_have_no_end():
    task = build(train_size=None)
    stream = task.streams()["paths"]
    assert stream.size == ENDLESS
    far = torch.tensor([10**12, 3])
    batch = stream.batch(far)
    assert isinstance(batch, Batch)
    assert batch.index is not None
    assert torch.equal(batch.index, far)
    assert torch.equal(batch.tokens[1:], build().streams()["paths"].batch(far[1:]).tokens)
    with pytest.raises(InputError, match="no end of fresh prompts; give it a train_size"):
        stream.full()
    with pytest.raises(InputError, match="stream 'paths' has no end"):
        next(task.batches("train", torch.Generator(), {"paths": 4}))
    assert not any(name.startswith("paths/train") for name in task.chance)
    held_out = next(task.batches("held_out", torch.Generator(), {"paths": 4}))["paths"]
    assert held_out.examples == 4


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
    task = build(test_size=400, train_size=None)
    scores = task.score(Rule(task.vocabulary.size, Reader(task, knows=True)))
    known = ("exact", "decision", "cheat", "arm", "arm_but_last")
    assert [scores[f"paths/held_out/{name}"] for name in known] == [1.0] * 5
    assert scores["paths/held_out/gap"] == 0.0
    assert scores.keys() == task.chance.keys()
    cheat = task.score(Rule(task.vocabulary.size, Reader(task, knows=False)))
    assert task.chance["paths/held_out/exact"] == task.chance["paths/held_out/first_hop"] == 0.5
    assert cheat["paths/held_out/exact"] == pytest.approx(0.5, abs=0.1)
    assert cheat["paths/held_out/forced_2"] == cheat["paths/held_out/forced_4"] == 1.0
    # Every token but the decision is right once the one before it is shown; free, it walks down the arm it chose.
    assert cheat["paths/held_out/cheat"] == cheat["paths/held_out/arm"] == 1.0
    assert cheat["paths/held_out/decision"] == cheat["paths/held_out/exact"]
    assert cheat["paths/held_out/gap"] == pytest.approx(1 - cheat["paths/held_out/exact"])
    assert task.score(Rule(task.vocabulary.size, Reader(task, knows=True)), parts={"edges"}) == {}


def test_too_few_names_are_one_clear_line():
    with pytest.raises(InputError) as caught:
        validate(InContextPathSpec, {"arms": 20, "num_nodes": 50}, "task")
    assert str(caught.value).endswith("num_nodes: a star of 20 arms of length 5 has 81 nodes, got 50 names")
    assert "\n" not in str(caught.value)


class Remembers(nn.Module):
    """A look-up table of whole sequences: right where it has seen the prompt, token 0 elsewhere."""

    def __init__(self, batch: Batch, vocabulary: int) -> None:
        super().__init__()
        self.rows = batch.tokens
        self.vocabulary = vocabulary
        self.passes = 0

    def forward(self, input_ids: Tensor, logits_to_keep: Any = 0) -> SimpleNamespace:
        self.passes += 1
        length = input_ids.shape[1]
        prompt = self.rows.shape[1] - 5
        known = (input_ids[:, None, :prompt] == self.rows[None, :, :prompt]).all(2)
        found = torch.cat([self.rows, self.rows[:, :1]], dim=1)[known.int().argmax(1), 1 : length + 1]
        answer = torch.where(known.any(1)[:, None], found, 0)
        logits = 9.0 * nn.functional.one_hot(answer, self.vocabulary).float()
        return SimpleNamespace(logits=logits[:, -logits_to_keep:])


def test_what_is_memorised_shows_on_training_prompts_alone():
    task = build(train_size=30)
    model = Remembers(prompts(task, 30), task.vocabulary.size)
    scores = task.score(model)
    assert scores.keys() == task.chance.keys()
    assert scores["paths/train/exact"] == scores["paths/train/decision"] == scores["paths/train/cheat"] == 1.0
    assert scores["paths/held_out/exact"] == scores["paths/held_out/arm"] == 0.0
    _, predictions = task.answers(model, "train", count=9)
    assert torch.equal(predictions.free, prompts(task, 9).labels[:, -5:])


def test_one_pass_answers_without_a_teacher():
    task = build(train_size=None)
    words = task.vocabulary
    assert isinstance(words, PromptVocabulary)
    held_out = task.streams("held_out")["paths"].batch(torch.arange(60))
    model = Remembers(held_out, words.size)
    scores = task.score(model, reader=OneShot(words.filler, words.size))
    assert model.passes == 1
    assert scores["paths/held_out/exact"] == 1.0
    # One after another, a model that is right throughout is asked once, too: nothing is decoded again.
    model.passes = 0
    assert task.score(model)["paths/held_out/exact"] == 1.0
    assert model.passes == 1


def test_reversed_answers_are_judged_from_the_root_on():
    task = build(target="reversed", test_size=50)
    batch = task.streams("held_out")["paths"].batch(torch.arange(50))
    scores = task.score(Remembers(batch, task.vocabulary.size))
    assert scores["paths/held_out/arm"] == scores["paths/held_out/cheat"] == scores["paths/held_out/decision"] == 1.0
    assert math.isclose(task.chance["paths/held_out/decision"], 0.5)


def test_the_answer_to_a_path_of_two_is_in_the_question():
    chance = build(arms=3, length=2).chance
    assert chance["paths/held_out/decision"] == chance["paths/held_out/exact"] == 1.0
    assert "paths/held_out/cheat" not in chance


@pytest.mark.parametrize("target", ["full", "reversed"])
def test_chance_knows_what_the_prompt_names(target: str) -> None:
    """Root and goal stand in the query; each node between is one of as many as there are arms."""
    task = InContextPathSpec.model_validate({"arms": 3, "length": 5, "target": target, "train_size": 9}).build(0)
    for split in ("train", "held_out"):
        for kind in ("position", "forced"):
            found = [task.chance[f"paths/{split}/{kind}_{place}"] for place in range(5)]
            assert found == [1.0, 1 / 3, 1 / 3, 1 / 3, 1.0]
        assert task.chance[f"paths/{split}/exact"] == 1 / 3
        assert task.chance[f"paths/{split}/loss"] == pytest.approx(3 / 5 * math.log(3))
