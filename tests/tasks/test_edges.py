from __future__ import annotations

import math

import pytest
import torch

from geomem.batch import IGNORE, Batch, ContextBatch
from geomem.tasks import scoring
from geomem.tasks.edges import Edges
from geomem.tasks.vocabulary import Vocabulary
from tests.causal import Bag, Rule

WORDS = Vocabulary(5)
# A star with three leaves around node 0, both directions, and node 4 reached from 3.
PAIRS = torch.tensor([[0, 1], [0, 2], [0, 3], [1, 0], [2, 0], [3, 0], [3, 4], [4, 3]])


@pytest.mark.parametrize(
    ("mark", "pause", "expected"),
    [(True, False, [12, 3]), (False, False, [3]), (True, True, [12, 3, 6]), (False, True, [3, 6])],
)
def test_prefixes(mark: bool, pause: bool, expected: list[int]):
    edges = Edges(WORDS, PAIRS, mark=mark, pause=pause)
    assert edges.prefix(torch.tensor([3])).tolist() == [expected]


def test_contexts_have_uniform_neighbours():
    batch = Edges(WORDS, PAIRS).stream().full()
    assert isinstance(batch, ContextBatch)
    assert batch.tokens.tolist() == [[12, node] for node in range(5)]
    assert batch.weights.tolist() == pytest.approx([3 / 8, 1 / 8, 1 / 8, 2 / 8, 1 / 8])
    assert batch.targets[batch.rows == 3].tolist() == [0, 4]
    assert batch.probs[batch.rows == 0].tolist() == pytest.approx([1 / 3] * 3)


def test_examples_are_one_per_pair():
    batch = Edges(WORDS, PAIRS, pause=True, as_examples=True).stream().full()
    assert isinstance(batch, Batch)
    assert batch.tokens[6].tolist() == [12, 3, WORDS.pause, 4]
    assert batch.labels[6].tolist() == [IGNORE, IGNORE, IGNORE, 4]
    assert batch.examples == len(PAIRS)


def test_floor_is_reached_by_the_true_distribution():
    edges = Edges(WORDS, PAIRS)
    assert edges.floor == pytest.approx((3 * math.log(3) + 2 * math.log(2)) / 8)
    table = torch.full((5, WORDS.size), -40.0)
    table[PAIRS[:, 0], PAIRS[:, 1]] = 0.0
    scores = edges.score(Rule(WORDS.size, lambda tokens: table[tokens[:, -1].clamp(max=4)]), "cpu")
    assert scores["edges/loss"] == pytest.approx(edges.floor, abs=1e-6)
    assert scores["edges/excess_loss"] == pytest.approx(0.0, abs=1e-6)
    # The arg-max of node 0 is one of 3 neighbours, of node 3 one of 2; the other three are certain.
    assert scores["edges/accuracy"] == pytest.approx((1 + 1 + 3) / 8)


def test_score_against_one_example_at_a_time(monkeypatch: pytest.MonkeyPatch):
    model, edges = Bag(WORDS.size), Edges(WORDS, PAIRS)
    losses, hits = [], []
    for source, target in PAIRS.tolist():
        logits = model(input_ids=torch.tensor([[WORDS.edge, source]])).logits[0, -1]
        losses.append(-float(logits.detach().log_softmax(0)[target]))
        hits.append(int(logits.argmax()) == target)
    for budget in (16_000_000, 2 * WORDS.size):
        monkeypatch.setattr(scoring, "LOGITS_IN_MEMORY", budget)
        scores = edges.score(model, "cpu")
        assert scores["edges/loss"] == pytest.approx(sum(losses) / len(PAIRS), abs=1e-5)
        assert scores["edges/accuracy"] == pytest.approx(sum(hits) / len(PAIRS))
        assert scores.keys() == edges.chance().keys()


def test_chance_is_a_uniform_guess_over_nodes():
    edges = Edges(WORDS, PAIRS)
    uniform = torch.where(torch.arange(WORDS.size) < 5, 0.0, -math.inf)
    scores = edges.score(Rule(WORDS.size, lambda tokens: uniform.expand(len(tokens), -1)), "cpu")
    assert edges.chance()["edges/loss"] == pytest.approx(scores["edges/loss"])
    assert edges.chance()["edges/excess_loss"] == pytest.approx(scores["edges/excess_loss"])
    assert edges.chance()["edges/accuracy"] == 1 / 5


def test_logits_come_in_chunks_of_all_nodes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scoring, "LOGITS_IN_MEMORY", 2 * WORDS.size)
    model, edges = Bag(WORDS.size), Edges(WORDS, PAIRS)
    parts = list(edges.logits(model, "cpu"))
    assert [len(nodes) for nodes, _ in parts] == [2, 2, 1]
    tokens = torch.tensor([[WORDS.edge, node] for node in range(5)])
    expected = model(input_ids=tokens).logits[:, -1]
    assert torch.allclose(torch.cat([logits for _, logits in parts]), expected, atol=1e-6)
    chosen = list(edges.logits(model, "cpu", torch.tensor([4])))
    assert chosen[0][0].tolist() == [4]
    assert torch.allclose(chosen[0][1], expected[4:], atol=1e-6)
