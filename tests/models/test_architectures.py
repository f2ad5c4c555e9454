"""Architectures of transformers by name."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from geomem.errors import InputError
from geomem.models.specs import ArchitectureSpec

NAMES = ["gpt2", "gpt_neox", "llama", "qwen2", "qwen3", "olmo", "olmo2", "gemma", "mistral", "mamba", "opt"]
IDS = torch.randint(0, 20, (3, 5), generator=torch.Generator().manual_seed(0))


def build(name: str, **settings: Any) -> Any:
    return ArchitectureSpec(architecture=name, width=32, **settings).build(20, 0).eval()


@pytest.mark.parametrize("name", NAMES)
def test_small_and_as_asked(name: str) -> None:
    model = build(name, layers=3, max_positions=16)
    assert model.config.model_type == name
    assert model.get_input_embeddings().weight.shape == (20, 32)
    assert model.config.num_hidden_layers == 3
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert sum(parameter.numel() for parameter in model.parameters()) < 100_000
    full = model(input_ids=IDS).logits
    assert full.shape == (3, 5, 20)
    for keep, want in ((1, full[:, -1:]), (torch.tensor([1, 3]), full[:, [1, 3]])):
        torch.testing.assert_close(model(input_ids=IDS, logits_to_keep=keep).logits, want)


def test_settings_reach_their_own_names() -> None:
    model = build("gpt2", heads=2, mlp_width=48, dropout=0.25, tied=False, max_positions=9)
    config = model.config
    assert (config.n_head, config.n_inner, config.n_positions, config.resid_pdrop, config.embd_pdrop) == (
        2,
        48,
        9,
        0.25,
        0.25,
    )
    assert model.get_output_embeddings().weight is not model.get_input_embeddings().weight
    gemma = build("gemma", heads=2)
    assert (gemma.config.head_dim, gemma.config.num_key_value_heads) == (16, 2)
    assert build("llama", mlp_width=40).config.intermediate_size == 40
    assert build("llama", config={"num_key_value_heads": 2}).config.num_key_value_heads == 2
    assert build("mamba", config={"state_size": 3}).config.state_size == 3


def test_no_token_of_a_foreign_tokenizer_is_special() -> None:
    for name in ("gpt2", "llama", "opt"):
        model = build(name)
        assert model.config.pad_token_id is None
        assert model.get_input_embeddings().weight.abs().sum(1).all()


def test_same_seed_same_bits() -> None:
    before = torch.get_rng_state()
    first, second = build("llama"), build("llama")
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"architecture": "lama"}, "unknown architecture 'lama'; did you mean 'llama'"),
        ({"architecture": "zzzzzz"}, "any causal model type of transformers, such as"),
        ({"config": {"n_iner": 3}}, "config.n_iner: architecture 'gpt2' has no such setting; did you mean 'n_inner'"),
        ({"architecture": "mamba", "mlp_width": 9}, "mlp_width: architecture 'mamba' has no such setting"),
        ({"heads": 5}, "width 64 does not divide by heads 5"),
        ({"architecture": "gpt_neo"}, "architecture 'gpt_neo' refuses these settings"),
    ],
)
def test_mistakes_are_one_clear_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        ArchitectureSpec(**settings).build(20, 0)
    if isinstance(caught.value, InputError):
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["gpt2", "opt", "llama"])
def test_a_sequence_behind_the_last_learned_position_is_one_line(name: str) -> None:
    """Rotary positions have no last one; ids that tokens share need no more of them than there are."""
    model = ArchitectureSpec(architecture=name, width=16, layers=1, heads=2, max_positions=6).build(11, 0)
    words = torch.ones(2, 7, dtype=torch.int64)
    assert torch.isfinite(model(input_ids=words[:, :6]).logits).all()
    if name == "llama":
        assert torch.isfinite(model(input_ids=words).logits).all()
        return
    for options in ({}, {"logits_to_keep": 1}):
        with pytest.raises(InputError, match=r"^a sequence of 7 tokens is longer than max_positions = 6$"):
            model(input_ids=words, **options)
    shared = torch.tensor([[0, 0, 1, 2, 3, 4, 5]]).expand(2, -1)
    assert model(input_ids=words, position_ids=shared, attention_mask=torch.ones_like(words)).logits.shape[1] == 7
    with pytest.raises(InputError):
        copy.deepcopy(model)(input_ids=words)
