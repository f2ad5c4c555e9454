"""TinyNN and the associative models against their formula."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from geomem.errors import InputError
from geomem.models.linear import GeomemLinearForCausalLM
from geomem.models.specs import AssociativeFastSpec, AssociativeSpec, TinyNNSpec

IDS = torch.tensor([[3, 1, 4], [1, 5, 9]])


def build(spec: Any = None, vocab: int = 12, seed: int = 0) -> GeomemLinearForCausalLM:
    return (spec or TinyNNSpec(width=8)).build(vocab, seed)


def test_logits_follow_the_formula() -> None:
    model = build(TinyNNSpec(width=8, initialisation="unit-normal"))
    with torch.no_grad():
        model.linear.bias.copy_(torch.arange(8.0))
    table, weight, bias = model.embed_tokens.weight, model.linear.weight, model.linear.bias
    want = torch.stack([torch.stack([table @ (weight @ table[token] + bias) for token in row]) for row in IDS])
    torch.testing.assert_close(model(input_ids=IDS).logits, want)


def test_untied_output_has_its_own_table() -> None:
    model = build(TinyNNSpec(width=8, tied=False))
    want = model.linear(model.embed_tokens(IDS)) @ model.lm_head.weight.T
    assert model.lm_head.weight is not model.embed_tokens.weight
    torch.testing.assert_close(model(input_ids=IDS).logits, want)


@pytest.mark.parametrize("positions", ["none", "learned"])
@pytest.mark.parametrize("keep", [0, 1, 2, torch.tensor([1]), torch.tensor([2, 0]), torch.tensor([[0], [2]])], ids=str)
def test_logits_to_keep_is_a_slice(keep: int | torch.Tensor, positions: Any) -> None:
    model = build(TinyNNSpec(width=8, positions=positions))
    full = model(input_ids=IDS).logits
    if isinstance(keep, int):
        want = full[:, -keep:] if keep else full
    else:
        want = full[:, keep] if keep.ndim == 1 else torch.stack([full[0, keep[0]], full[1, keep[1]]])
    for states in (False, True):
        out = model(input_ids=IDS, logits_to_keep=keep, output_hidden_states=states)
        torch.testing.assert_close(out.logits, want)
    mask = torch.tensor([[True, False, True], [False, False, True]])
    torch.testing.assert_close(model(input_ids=IDS, logits_to_keep=mask).logits, full[mask])
    vectors = model.embed_tokens(IDS)
    torch.testing.assert_close(model(inputs_embeds=vectors, logits_to_keep=keep).logits, want)


@pytest.mark.parametrize(
    ("spec", "trained"),
    [
        (TinyNNSpec(), {"embed_tokens.weight", "linear.weight", "linear.bias"}),
        (AssociativeSpec(), {"linear.weight", "linear.bias"}),
        (AssociativeFastSpec(), {"linear.weight", "linear.bias"}),
        (AssociativeSpec(tied=False, positions="learned"), {"linear.weight", "linear.bias"}),
        (TinyNNSpec(frozen=True), {"linear.weight", "linear.bias"}),
    ],
    ids=["tiny-nn", "associative", "associative-fast", "untied-associative", "frozen-tiny-nn"],
)
def test_what_trains(spec: Any, trained: set[str]) -> None:
    model = build(spec)
    model(input_ids=IDS, labels=IDS).loss.backward()
    assert {name for name, value in model.named_parameters() if value.grad is not None} == trained


def test_defaults_of_the_kinds() -> None:
    assert (TinyNNSpec().width, AssociativeSpec().width, AssociativeFastSpec().width) == (512, 32, 512)


@pytest.mark.parametrize(("mode", "spread"), [("normal-0.02", 0.02), ("unit-normal", 1.0)])
def test_initial_statistics(mode: Any, spread: float) -> None:
    model = build(TinyNNSpec(width=64, initialisation=mode, positions="learned"), vocab=300)
    assert model.embed_positions is not None
    assert model.embed_tokens.weight.std().item() == pytest.approx(spread, rel=0.05)
    assert model.linear.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert model.embed_positions.weight.std().item() == pytest.approx(1.0, rel=0.05)
    assert not model.linear.bias.any()


def test_positions_matter_only_when_asked_for() -> None:
    ids = torch.tensor([[2, 2]])
    logits = build()(input_ids=ids).logits
    assert torch.equal(logits[:, 0], logits[:, 1])
    logits = build(TinyNNSpec(width=8, positions="learned", max_positions=2))(input_ids=ids).logits
    assert not torch.allclose(logits[:, 0], logits[:, 1])
    with pytest.raises(InputError, match="3 tokens is longer than max_positions = 2"):
        build(TinyNNSpec(width=8, positions="learned", max_positions=2))(input_ids=IDS)


def test_dropout_after_the_linear_layer_in_training_only() -> None:
    model = build(TinyNNSpec(width=64, dropout=0.5, initialisation="unit-normal")).eval()
    hidden = model(input_ids=IDS, output_hidden_states=True).hidden_states[-1]
    assert hidden.all()
    with torch.random.fork_rng():
        hidden = model.train()(input_ids=IDS, output_hidden_states=True).hidden_states[-1]
    assert 0.3 < (hidden == 0).float().mean().item() < 0.7


def test_loss_is_the_shifted_cross_entropy() -> None:
    model = build(TinyNNSpec(width=8, initialisation="unit-normal"))
    out = model(input_ids=IDS, labels=IDS)
    want = torch.nn.functional.cross_entropy(out.logits[:, :-1].flatten(0, 1), IDS[:, 1:].flatten())
    torch.testing.assert_close(out.loss, want)


def test_generate_follows_the_last_token() -> None:
    model = build(TinyNNSpec(width=8, initialisation="unit-normal"))
    following = model(input_ids=torch.arange(12)[None]).logits[0].argmax(-1)
    out = model.generate(IDS, max_new_tokens=2, do_sample=False)
    assert torch.equal(out[:, 3], following[IDS[:, -1]])
    assert torch.equal(out[:, 4], following[out[:, 3]])


def test_same_seed_same_bits_and_reopen(tmp_path: Any) -> None:
    model = build(AssociativeSpec(), seed=4)
    assert torch.equal(model.embed_tokens.weight, build(AssociativeSpec(), seed=4).embed_tokens.weight)
    assert not torch.equal(model.embed_tokens.weight, build(AssociativeSpec(), seed=5).embed_tokens.weight)
    model.save_pretrained(tmp_path)
    again = GeomemLinearForCausalLM.from_pretrained(tmp_path)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())
    assert not again.embed_tokens.weight.requires_grad
