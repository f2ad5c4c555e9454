"""Unconstrained features: drawing, logits, saving."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from geomem.errors import InputError
from geomem.models.hub import open_checkpoint
from geomem.models.node2vec import Node2Vec
from geomem.models.specs import Node2VecSpec
from geomem.models.unconstrained import UnconstrainedFeatures


def test_logits_are_products_of_columns() -> None:
    model = UnconstrainedFeatures.from_seed(5, 7, 3, 0.5, 0)
    assert model.logits().shape == (5, 7)
    assert model.logits().dtype == torch.float64
    torch.testing.assert_close(model.logits()[2, 4], model.words[2] @ model.contexts[:, 4])
    torch.testing.assert_close(model(torch.tensor([4, 0])), model.logits()[:, [4, 0]].T)


def test_initial_vectors_depend_on_the_seed_alone() -> None:
    model = UnconstrainedFeatures.from_seed(100, 200, 20, 0.1, 3, torch.float32)
    assert model.words.dtype == torch.float32
    assert model.words.std().item() == pytest.approx(0.1, rel=0.05)
    assert model.contexts.std().item() == pytest.approx(0.1, rel=0.05)
    assert torch.equal(model.words, UnconstrainedFeatures.from_seed(100, 200, 20, 0.1, 3, torch.float32).words)
    assert not torch.equal(model.words, UnconstrainedFeatures.from_seed(100, 200, 20, 0.1, 4, torch.float32).words)


def test_bad_shapes_and_sequences_are_refused() -> None:
    with pytest.raises(InputError, match=r"no sequence axis.*got \(2, 3\)"):
        UnconstrainedFeatures.from_seed(5, 7, 3, 0.5, 0)(torch.zeros(2, 3, dtype=torch.int64))
    with pytest.raises(InputError, match="width: must be at least 1"):
        UnconstrainedFeatures.from_seed(5, 7, 0, 0.5, 0)
    with pytest.raises(InputError, match=r"contexts \(d, m\), got \(5, 3\) and \(4, 7\)"):
        UnconstrainedFeatures(torch.zeros(5, 3), torch.zeros(4, 7))


def test_reopens_bit_for_bit_and_nothing_else_opens_it(tmp_path: Path) -> None:
    model = UnconstrainedFeatures.from_seed(5, 7, 3, 0.5, 0)
    model.save_pretrained(tmp_path / "ufm")
    again = UnconstrainedFeatures.from_pretrained(tmp_path / "ufm")
    assert torch.equal(again.words, model.words)
    assert torch.equal(again.contexts, model.contexts)
    with pytest.raises(InputError, match=r"type 'geomem-unconstrained-features', not 'geomem-node2vec'"):
        Node2Vec.from_pretrained(tmp_path / "ufm")
    with pytest.raises(InputError, match=r"open it with UnconstrainedFeatures\.from_pretrained"):
        open_checkpoint(tmp_path / "ufm")
    Node2VecSpec(width=2).build(3, 0).save_pretrained(tmp_path / "other")
    with pytest.raises(InputError, match="type 'geomem-node2vec'"):
        UnconstrainedFeatures.from_pretrained(tmp_path / "other")
