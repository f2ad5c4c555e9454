"""Node2Vec tables: drawing, logits, saving."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from geomem.errors import InputError
from geomem.models.node2vec import Node2Vec
from geomem.models.specs import Node2VecSpec
from geomem.models.tables import count_parameters, node_embeddings


def test_logits_are_dot_products() -> None:
    model = Node2VecSpec(width=4, tied=False).build(6, 0)
    assert model.context is not None
    want = torch.stack([torch.stack([model.weight[u] @ model.context[v] for v in range(6)]) for u in (2, 5)])
    torch.testing.assert_close(model(torch.tensor([2, 5])), want)
    tied = Node2VecSpec(width=4).build(6, 0)
    assert tied.tied
    torch.testing.assert_close(tied(torch.tensor([1]))[0, 1], (tied.weight[1] ** 2).sum())
    assert (count_parameters(tied), count_parameters(model)) == (24, 48)


def test_sequences_are_refused() -> None:
    with pytest.raises(InputError, match=r"no sequence axis.*got \(2, 3\)"):
        Node2VecSpec().build(6, 0)(torch.zeros(2, 3, dtype=torch.int64))
    with pytest.raises(InputError, match="at least 1"):
        Node2VecSpec().build(0, 0)


def test_initial_vectors() -> None:
    model = Node2VecSpec(std=0.1).build(500, 3)
    assert model.weight.std().item() == pytest.approx(0.1, rel=0.03)
    assert torch.equal(model.weight, Node2VecSpec(std=0.1).build(500, 3).weight)
    assert not torch.equal(model.weight, Node2VecSpec(std=0.1).build(500, 4).weight)


def test_release_draws_an_embedding_right_after_seeding() -> None:
    before = torch.get_rng_state()
    model = Node2VecSpec(init="release").build(17, 7)
    assert torch.equal(before, torch.get_rng_state())
    with torch.random.fork_rng():
        torch.manual_seed(7)
        want = torch.nn.Embedding(17, 100).weight
    assert torch.equal(model.weight, want)
    with pytest.raises(ValueError, match="one table"):
        Node2VecSpec(init="release", tied=False)


@pytest.mark.parametrize("tied", [True, False])
def test_reopens_bit_for_bit(tmp_path: Path, tied: bool) -> None:
    model = Node2VecSpec(width=5, tied=tied).build(9, 1)
    model.save_pretrained(tmp_path)
    again = Node2Vec.from_pretrained(tmp_path)
    assert again.tied is tied
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())


def test_opening_something_else(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config\.json"):
        Node2Vec.from_pretrained(tmp_path)
    Node2VecSpec(width=2).build(3, 0).save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(InputError, match="type 'gpt2'"):
        Node2Vec.from_pretrained(tmp_path)


def test_node_vectors_are_a_copy() -> None:
    model = Node2VecSpec(width=2).build(4, 0)
    vectors = node_embeddings(model, 3)
    with torch.no_grad():
        model.weight.zero_()
    assert vectors.shape == (3, 2)
    assert vectors.all()
