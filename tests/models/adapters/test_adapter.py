"""Every family: streams, updates, logits and attention maps against transformers' own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.models.adapters import adapt
from tests.models.adapters.checkpoints import CAUSAL, LAYERS, MASKED, OTHER, OWN, VOCAB, Opened, build, tokens

KNOWN = [*CAUSAL, *MASKED]
WITH_HEAD = [*KNOWN, *OWN, "stablelm", "mamba2"]
STATE_SPACE = ("mamba", "mamba2", "geomem-mamba", "geomem-mamba-bare")
NO_MAPS = ("jamba", "rwkv", "recurrent-gemma", "xlnet")
"""Without attention in every layer, or with maps of another kind."""
ATTENTIVE = [
    name for name in (*KNOWN, "transformer", "transformer-bare", *OTHER) if name not in (*STATE_SPACE, *NO_MAPS)
]


def close(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and bool((one - other).abs().max() <= 1e-5 * other.abs().max())


def reported(model: Any, **wanted: Any) -> Any:
    with torch.no_grad():
        return model(input_ids=tokens(), **wanted)


@pytest.mark.parametrize("name", [*WITH_HEAD, "cohere", "electra", "albert"])
def test_streams_are_the_hidden_states_and_the_last_one_comes_before_the_final_norm(name: str, opened: Opened) -> None:
    model = opened(name)
    adapter = adapt(model)
    with adapter.record() as record:
        last = adapter.run(tokens())
    assert not last.requires_grad
    assert torch.equal(record.streams[-1], last)
    assert {stream.shape for stream in record.streams} == {(2, 9, adapter.config.hidden_size)}
    states = reported(model, output_hidden_states=True).hidden_states
    # transformers' state-space models leave the embeddings out and give the last state twice, without and with norm.
    shifted = name in ("mamba", "mamba2")
    inner = record.streams[1:] if shifted else record.streams[:-1]
    assert all(close(one, other) for one, other in zip(inner, states[:-1], strict=True))
    if adapter.causal and name in WITH_HEAD:
        assert close(adapter.final(last), states[-1])
        normed = name not in ("transformer-bare", "geomem-mamba-bare", "tiny-nn")
        assert close(last, states[-1]) != normed


@pytest.mark.parametrize("name", WITH_HEAD)
def test_logits_of_the_last_stream_are_the_models(name: str, opened: Opened) -> None:
    model = opened(name)
    adapter = adapt(model)
    found = adapter.logits(adapter.run(tokens()))
    assert close(found, reported(model).logits)
    weight, bias = adapter.unembedding, adapter.unembedding_bias
    assert weight is not None
    assert weight.shape[0] == adapter.embedding.shape[0] == VOCAB
    plain = adapter.final(adapter.run(tokens())) @ weight.T + (0 if bias is None else bias)
    assert close(plain, found) == (name != "gemma2-sliding")


@pytest.mark.parametrize("name", [*KNOWN, *OWN])
def test_the_next_stream_is_the_stream_and_what_attention_and_mlp_add(name: str, opened: Opened) -> None:
    adapter = adapt(opened(name))
    with adapter.record() as record:
        adapter.run(tokens())
    assert (record.attention is None) == (adapter.attention(0) is None)
    assert (record.mlp is None) == (adapter.mlp(0) is None)
    for layer in range(len(adapter.blocks)):
        total = record.streams[layer].clone()
        for part in (record.attention, record.mlp):
            if part is not None:
                assert part[layer].shape == (2, 9, 32)
                total += part[layer]
        assert close(total, record.streams[layer + 1]) == adapter.additive
    post_norm = name in (*MASKED, "opt-350m")
    assert adapter.additive != (post_norm or name in ("transformer-bare", "geomem-mamba-bare", "tiny-nn"))


@pytest.mark.parametrize("name", ATTENTIVE)
def test_attention_maps_are_those_of_eager_attention_which_is_not_left_on(name: str, opened: Opened) -> None:
    model = opened(name)
    before = model.config._attn_implementation
    maps = adapt(model).attention_maps(tokens())
    assert model.config._attn_implementation == before
    own = name.startswith("transformer")
    assert own or before == ("eager" if name in ("gptj", "codegen", "gemma2-sliding") else "sdpa")
    if not own:
        model.set_attn_implementation("eager")
    expected = reported(model, output_attentions=True).attentions
    if not own:
        model.set_attn_implementation(before)
    assert len(maps) == len(expected) == adapt(model).config.num_hidden_layers
    assert all(close(one, other) for one, other in zip(maps, expected, strict=True))
    assert all(torch.allclose(one.sum(-1), torch.ones(2, 4, 9)) for one in maps)
    ahead = torch.ones(9, 9).triu(1).bool()
    assert (maps[0][..., ahead].max() == 0) == adapt(model).causal
    if "sliding" in name:
        assert maps[0][..., torch.ones(9, 9).tril(-3).bool()].max() == 0


@pytest.mark.parametrize("name", [*STATE_SPACE, "mlp-only", "tiny-nn"])
def test_no_attention_maps_where_there_is_no_attention(name: str, opened: Opened) -> None:
    adapter = adapt(opened(name))
    assert any(line.startswith("attention maps: ") for line in adapter.missing)
    with pytest.raises(InputError, match="gives no attention maps"):
        adapter.attention_maps(tokens())


@pytest.mark.parametrize("name", [name for name in KNOWN if name not in STATE_SPACE])
def test_families_with_everything_miss_nothing(name: str, opened: Opened) -> None:
    adapter = adapt(opened(name))
    assert adapter.missing == ()
    assert len(adapter.blocks) == LAYERS
    assert adapter.family != "generic"


@pytest.mark.parametrize("name", ["gpt2", "bert", "llama", "mamba", "transformer"])
def test_padding_changes_nothing_for_the_rest(name: str, opened: Opened) -> None:
    adapter = adapt(opened(name))
    ids, mask = tokens(2, 9), torch.ones(2, 9, dtype=torch.long)
    mask[0, 6:] = 0
    padded = adapter.run(torch.where(mask.bool(), ids, 0), mask)
    assert close(padded[0, :6], adapter.run(ids[:1, :6])[0])


def test_positions_reach_the_model(opened: Opened) -> None:
    adapter = adapt(opened("gpt2"))
    plain = adapter.run(tokens())
    assert torch.equal(adapter.run(tokens(), position_ids=torch.arange(9)[None]), plain)
    assert not close(adapter.run(tokens(), position_ids=torch.arange(9)[None] + 1), plain)


def test_run_evaluates_without_cache_and_logits_and_puts_the_mode_back() -> None:
    model = build("gpt2")
    adapter = adapt(model)
    expected = adapter.run(tokens())
    heads: list[Any] = []
    model.lm_head.register_forward_hook(lambda *call: heads.append(call))
    model.train()
    assert torch.equal(adapter.run(tokens()), expected)  # dropout is 0.1 by default
    assert model.training
    with pytest.raises(IndexError):
        adapter.run(tokens() + VOCAB)
    assert model.training
    model.eval()
    adapter.run(tokens())
    assert not model.training
    assert heads == []


def test_gradients_only_when_asked_for(opened: Opened) -> None:
    adapter = adapt(opened("llama"))
    with adapter.record() as record:
        last = adapter.run(tokens(), grad=True)
    assert last.requires_grad
    assert not any(value.requires_grad for value in [*record.streams, *(record.mlp or []), *(record.attention or [])])
    assert torch.is_grad_enabled()


def test_an_intervention_in_place_counts(opened: Opened) -> None:
    adapter = adapt(opened("gpt2"))
    handle = adapter.blocks[-1].register_forward_hook(lambda _module, _inputs, output: torch.zeros_like(output))
    try:
        with adapter.record() as record:
            last = adapter.run(tokens())
    finally:
        handle.remove()
    assert last.abs().max() == record.streams[-1].abs().max() == 0
    assert record.streams[-2].abs().max() > 0


@pytest.mark.parametrize("name", ["mamba", "bert", "transformer"])
def test_tokens_follow_the_model_to_its_device(name: str) -> None:
    """The meta device stands for any other than that of the tokens; decoders of transformers cannot run on it."""
    adapter = adapt(build(name).to("meta"))
    with adapter.record() as record:
        last = adapter.run(tokens())
    assert {last.device.type, *(stream.device.type for stream in record.streams)} == {"meta"}
    assert adapter.logits(last).shape == (2, 9, VOCAB)


def test_masks_and_positions_follow_too(monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = adapt(build("gpt2").to("meta"))
    given: dict[str, Any] = {}

    def forward(ids: Tensor, options: dict[str, Any]) -> Any:
        given.update(options, ids=ids)
        return adapter.blocks[-1](torch.zeros(2, 9, 32, device=ids.device))

    monkeypatch.setattr(adapter, "_forward", forward)
    adapter.run(tokens(), torch.ones(2, 9), torch.arange(9)[None])
    assert {name: value.device.type for name, value in given.items()} == {
        "ids": "meta", "attention_mask": "meta", "position_ids": "meta",
    }  # fmt: skip


def test_facts_of_a_model(opened: Opened) -> None:
    adapter = adapt(opened("gpt2"))
    assert (adapter.name, adapter.family, adapter.context) == ("gpt2", "gpt2", 64)
    assert adapter.device == torch.device("cpu")
    assert adapter.unembedding is not None
    assert adapter.unembedding.data_ptr() == adapter.embedding.data_ptr()
    assert adapter.unembedding_bias is None
