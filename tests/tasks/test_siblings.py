from __future__ import annotations

import itertools

import numpy as np
import torch

from geomem.tasks.open_ended_specs import SiblingDiscoverySpec
from geomem.tasks.siblings import SiblingTriples

SMALL = SiblingTriples(parents=3, children=2)


def coherent(row: list[str]) -> bool:
    """Read the names of an answer."""
    one, two, parent, end = row
    if end != "</a>" or not (one.startswith("b1_") and two.startswith("b2_") and parent.startswith("a")):
        return False
    return int(one[3:]) // 2 == int(two[3:]) // 2 == int(parent[1:])


def test_every_answer_of_any_tokens_is_judged_as_read() -> None:
    vocabulary = SMALL.vocabulary
    rows = torch.tensor(list(itertools.product(range(vocabulary.size), repeat=4)))
    expected = [coherent(vocabulary.names(row)) for row in rows.tolist()]
    assert SMALL.coherent(rows).tolist() == expected
    assert sum(expected) == 3 * 2 * 2 == SMALL.count


def test_guesses_are_the_product_of_what_occurs_at_each_place() -> None:
    rows = SMALL.draw(500, np.random.default_rng(0))
    assert tuple(len(column.unique()) for column in rows.unbind(1)) == SMALL.choices == (6, 6, 3, 1)


def test_a_guesser_is_coherent_once_in_the_square_of_parents() -> None:
    task = SiblingDiscoverySpec(parents=5, children=40).build(0)
    assert task.chance["siblings/coherence@t0"] == 1 / 25
    assert task.chance["siblings/memorisation@t0"] == 1 / 25 * 1000 / 8000


def test_examples_are_read_as_the_card_writes_them() -> None:
    task = SiblingDiscoverySpec(parents=3, children=4, train_size=30, held_out_size=10).build(0)
    for row in task.streams()["siblings"].full().tokens.tolist():
        first, one, two, parent, end = task.vocabulary.names(row)
        assert (first, end) == ("<q>", "</a>")
        assert int(one.removeprefix("b1_")) // 4 == int(two.removeprefix("b2_")) // 4 == int(parent.removeprefix("a"))


def test_the_graph_in_the_weights_joins_parents_to_their_children() -> None:
    found = SMALL.evidence()
    pairs, names = found["graph_edges"], SMALL.vocabulary.names
    assert isinstance(pairs, torch.Tensor)
    assert found["num_nodes"] == 3 + 6 + 6
    read = {tuple(names(pair)) for pair in pairs.tolist()}
    assert read == {(f"a{p}", f"b{kind}_{p * 2 + k}") for p in range(3) for kind in (1, 2) for k in range(2)}
    edges = found["edges"]
    assert isinstance(edges, torch.Tensor)
    assert torch.equal(edges, torch.cat([pairs, pairs.flip(1)]))
