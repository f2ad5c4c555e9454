from __future__ import annotations

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM

from geomem.errors import InputError
from geomem.interventions.skip import skip_blocks
from geomem.models.adapters import adapt
from geomem.probing.rerun import (
    Restart,
    batches,
    chosen_layers,
    divergences,
    mean_over_windows,
    probability_changes,
    require_blocks,
    score_windows,
    targets_of,
)
from tests.interventions.models import VOCABULARY, random_tokens, tiny_gpt2


@torch.no_grad()
def test_losses_and_hits_against_transformers() -> None:
    model, tokens = tiny_gpt2(), random_tokens(5, 9)
    scores = score_windows(adapt(model), tokens, batch_tokens=20)
    for window, (loss, hits, count) in zip(tokens, scores.tolist(), strict=True):
        output = model(window[None], labels=window[None])
        assert count == 8
        assert loss / count == pytest.approx(float(output.loss), rel=1e-5)
        assert hits == int((output.logits[0, :-1].argmax(-1) == window[1:]).sum())
    with skip_blocks(model.transformer.h, [1]):
        assert not torch.allclose(score_windows(adapt(model), tokens), scores)


@torch.no_grad()
def test_only_labelled_tokens_count() -> None:
    model, tokens = tiny_gpt2(), random_tokens(2, 9)
    labels = torch.full_like(tokens, -100)
    labels[0, 4] = 7
    found = score_windows(adapt(model), tokens, labels)
    expected = -model(tokens).logits[0, 3].log_softmax(-1)[7]
    assert found[0].tolist() == pytest.approx([float(expected), 0, 1], rel=1e-5)
    assert found[1].tolist() == [0, 0, 0]


@torch.no_grad()
def test_masked_models_are_asked_for_the_masked_tokens() -> None:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    model, tokens = BertForMaskedLM(config).eval(), random_tokens(2, 9)
    adapter = adapt(model)
    labels = torch.full_like(tokens, -100)
    labels[:, 3] = tokens[:, 3]
    corrupted = tokens.clone()
    corrupted[:, 3] = 0
    found = score_windows(adapter, corrupted, labels)
    assert float(found[:, 0].sum() / 2) == pytest.approx(float(model(corrupted, labels=labels).loss), rel=1e-5)
    with pytest.raises(InputError, match="give the labels of the masked tokens"):
        targets_of(adapter, tokens)


@torch.no_grad()
def test_changes_of_predictions_against_the_formulas() -> None:
    model = tiny_gpt2()
    adapter = adapt(model)
    one, two = adapter.run(random_tokens(1, 30)).flatten(0, 1), adapter.run(random_tokens(1, 30, seed=1)).flatten(0, 1)
    p, q = (adapter.logits(rows).double().log_softmax(-1) for rows in (one, two))
    assert torch.allclose(divergences(adapter, one, two), (p.exp() * (p - q)).sum(-1))
    assert torch.allclose(probability_changes(adapter, one, two), (p.exp() - q.exp()).norm(dim=-1))
    assert float(divergences(adapter, one, one).abs().max()) == 0


def test_batches_hold_whole_windows() -> None:
    tokens = torch.zeros(5, 8, dtype=torch.int64)
    assert batches(tokens, 16) == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert len(batches(tokens, 3)) == 5


def test_means_over_tokens() -> None:
    found = mean_over_windows(torch.tensor([2.0, 6.0, 4.0]), torch.tensor([1, 2, 1]))
    assert found.value == pytest.approx(3)
    assert found.low < 3 < found.high


def test_bad_input() -> None:
    assert chosen_layers(None, 3, "skips") == (0, 1, 2)
    assert chosen_layers([2, 0, 2], 3, "skips") == (0, 2)
    with pytest.raises(InputError, match=r"skips: there is no layer 3; layers are 0\.\.2"):
        chosen_layers([3], 3, "skips")
    headless = adapt(tiny_gpt2().transformer)
    require_blocks(headless, "skips", logits=False)
    with pytest.raises(InputError, match="skips: this checkpoint has no output layer"):
        require_blocks(headless, "skips")


@torch.no_grad()
def test_passes_restart_where_the_model_allows_it() -> None:
    model, tokens = tiny_gpt2(), random_tokens()
    adapter = adapt(model)
    with adapter.record(parts=False) as record:
        last = adapter.run(tokens)
    streams = list(record.streams)
    restart = Restart(adapter, tokens, streams)
    assert restart.works
    with restart.at(3, streams[3]):
        assert torch.allclose(adapter.run(tokens), last, atol=1e-5)
    # A last block that needs what the first one has computed.
    computed: list[int] = []
    model.transformer.h[0].mlp.register_forward_hook(lambda *_: computed.append(1))
    model.transformer.h[3].register_forward_hook(lambda *_: computed.pop() and None)
    adapter.run(tokens)
    restart = Restart(adapter, tokens, streams)
    assert not restart.works
    with restart.at(3, streams[3]):
        assert torch.equal(adapter.run(tokens), last)
