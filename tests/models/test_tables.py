"""Reading and counting tables."""

from __future__ import annotations

import pytest
import torch

from geomem.errors import InputError
from geomem.models.specs import TinyNNSpec
from geomem.models.tables import count_parameters, kept, node_embeddings, sinusoids


def test_node_embeddings_are_the_first_rows_and_a_copy() -> None:
    model = TinyNNSpec(width=4).build(9, 0)
    vectors = node_embeddings(model, 5)
    assert torch.equal(vectors, model.get_input_embeddings().weight[:5])
    with torch.no_grad():
        model.get_input_embeddings().weight.zero_()
    assert vectors.abs().sum() > 0
    assert not vectors.requires_grad
    with pytest.raises(InputError, match="9 rows, fewer than the 10"):
        node_embeddings(model, 10)
    with pytest.raises(InputError, match="Linear has no token table"):
        node_embeddings(torch.nn.Linear(2, 2), 1)


def test_counts() -> None:
    tied, untied = TinyNNSpec(width=4).build(9, 0), TinyNNSpec(width=4, tied=False, frozen=True).build(9, 0)
    assert count_parameters(tied) == 9 * 4 + 4 * 4 + 4
    assert count_parameters(untied) == 2 * 9 * 4 + 4 * 4 + 4
    assert count_parameters(untied, trainable_only=True) == 4 * 4 + 4


def test_kept_agrees_with_transformers() -> None:
    slicing = pytest.importorskip("transformers.modeling_utils")
    reference = getattr(slicing, "slice_logits_to_keep", None)
    if reference is None:
        pytest.skip("this version of transformers has no such function")
    hidden = torch.arange(24.0).view(2, 4, 3)
    mask = torch.tensor([[True, False, True, True], [False, False, False, True]])
    for keep in (0, 1, 3, 4, 7, torch.tensor([0]), torch.tensor([3, 1, 1]), torch.tensor([[0, 1], [2, 3]]), mask):
        assert torch.equal(kept(hidden, keep), reference(hidden, keep))


def test_odd_widths_have_sinusoids_too() -> None:
    assert sinusoids(torch.arange(4), 5).shape == (4, 5)
    assert torch.equal(sinusoids(torch.tensor([0]), 4), torch.tensor([[0.0, 1.0, 0.0, 1.0]]))
