from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from transformers import GPT2Config, GPT2LMHeadModel

from geomem.batch import IGNORE, Batch
from geomem.contexts.matrix import ContextMatrix
from geomem.objectives.next_token import NextToken
from tests.causal import Bag

TOKENS = torch.tensor([[5, 1, 2, 3], [5, 4, 0, 1], [5, 2, 2, 0]])


def masked(*columns: int) -> torch.Tensor:
    labels = torch.full_like(TOKENS, IGNORE)
    labels[:, list(columns)] = TOKENS[:, list(columns)]
    return labels


def gpt2() -> GPT2LMHeadModel:
    config = GPT2Config(vocab_size=6, n_positions=8, n_embd=16, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0)
    torch.manual_seed(0)
    return GPT2LMHeadModel(config).eval()


@pytest.mark.parametrize("columns", [(3,), (2, 3), (1,), (1, 3)])
def test_equals_the_loss_hugging_face_computes(columns: tuple[int, ...]):
    model, labels = gpt2(), masked(*columns)
    expected = model(input_ids=TOKENS, labels=labels).loss
    assert NextToken()(model, Batch(TOKENS, labels)).item() == pytest.approx(expected.item(), abs=1e-6)


def test_known_columns_change_nothing():
    model, labels = Bag(6).double(), masked(2, 3)
    searched = NextToken()(model, Batch(TOKENS, labels))
    for columns in (2, torch.tensor([2, 3])):
        assert NextToken()(model, Batch(TOKENS, labels, columns=columns)).item() == searched.item()


def test_ragged_labels_count_only_where_they_are():
    model, labels = Bag(6).double(), masked(2, 3)
    labels[0, 2] = IGNORE
    logits = model(input_ids=TOKENS[:, :-1]).logits
    expected = F.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORE)
    assert NextToken()(model, Batch(TOKENS, labels)).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("columns", [(2, 3), (1, 3)])
def test_weights_are_relative(columns: tuple[int, ...]):
    model = Bag(6).double()
    batch = Batch(TOKENS, masked(*columns))
    weights = torch.zeros(TOKENS.shape)
    weights[1] = 4.0
    alone = Batch(TOKENS[1:2], batch.labels[1:2])
    weighted = NextToken()(model, replace(batch, weights=weights))
    assert weighted.item() == pytest.approx(NextToken()(model, alone).item())


def test_the_output_layer_runs_only_where_a_label_is():
    seen: list[Any] = []

    class Watched(Bag):
        def forward(self, input_ids: torch.Tensor, logits_to_keep: Any = 0):
            seen.append((tuple(input_ids.shape), logits_to_keep))
            return super().forward(input_ids, logits_to_keep)

    NextToken()(Watched(6), Batch(TOKENS, masked(3)))
    NextToken()(Watched(6), Batch(TOKENS, masked(1)))
    assert seen[0] == ((3, 3), 1)
    assert seen[1][1].tolist() == [0]


def test_soft_contexts_equal_one_example_per_pair_in_loss_and_gradient():
    generator = torch.Generator().manual_seed(3)
    pairs = torch.randint(0, 6, (40, 2), generator=generator)
    contexts = torch.stack([torch.full((40,), 5), pairs[:, 0]], 1)
    tokens = torch.cat([contexts, pairs[:, 1:]], 1)
    labels = torch.full_like(tokens, IGNORE)
    labels[:, -1] = tokens[:, -1]
    found: list[tuple[float, list[torch.Tensor]]] = []
    for batch in (ContextMatrix.from_pairs(contexts, pairs[:, 1]).full(), Batch(tokens, labels)):
        model = Bag(6).double()
        loss = NextToken()(model, batch)
        loss.backward()
        found.append((loss.item(), [p.grad for p in model.parameters() if p.grad is not None]))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-6)
    for one, other in zip(found[0][1], found[1][1], strict=True):
        assert torch.allclose(one, other, atol=1e-6)
        assert one.abs().max() > 1e-3
