from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import DynamicCache, MambaConfig, MambaForCausalLM

from geomem.errors import InputError
from geomem.interventions.hooks import EVERYWHERE
from geomem.interventions.skip import silence, skip_block, skip_blocks
from geomem.models.adapters import adapt
from geomem.models.configs import GeomemTransformerConfig
from geomem.models.transformer import GeomemTransformerForCausalLM
from tests.interventions.models import VOCABULARY, gpt2_logits, gpt2_loop, random_tokens, tiny_gpt2, tiny_llama
from tests.models.adapters.checkpoints import CAUSAL, MASKED, build

MODELS = {"gpt2": tiny_gpt2, "llama": tiny_llama}


def blocks_of(model: Any) -> list[nn.Module]:
    return list(model.transformer.h if hasattr(model, "transformer") else model.model.layers)


@torch.no_grad()
def test_a_block_skipped_at_some_positions_against_a_plain_loop() -> None:
    model, tokens = tiny_gpt2(), random_tokens()

    def block(number: int, module: nn.Module, stream: Tensor) -> Tensor:
        output = module(stream)
        if number == 1:
            output = torch.cat([output[:, :1], stream[:, 1:6], output[:, 6:]], dim=1)
        return output

    expected = gpt2_logits(model, gpt2_loop(model, tokens, block)[-1])
    with skip_block(model.transformer.h[1], slice(1, 6)):
        found = model(tokens).logits
    assert torch.allclose(found, expected, atol=1e-5)
    assert not torch.allclose(found, model(tokens).logits, atol=1e-2)


@torch.no_grad()
@pytest.mark.parametrize("part", ["attn", "mlp"])
def test_a_silent_part_adds_nothing(part: str) -> None:
    model, tokens = tiny_gpt2(), random_tokens()

    def block(number: int, module: Any, stream: Tensor) -> Tensor:
        attended = module.attn(module.ln_1(stream))[0]
        if number == 2 and part == "attn":
            attended[:, 1:] = 0
        stream = stream + attended
        added = module.mlp(module.ln_2(stream))
        if number == 2 and part == "mlp":
            added[:, 1:] = 0
        return stream + added

    expected = gpt2_logits(model, gpt2_loop(model, tokens, block)[-1])
    with silence(getattr(model.transformer.h[2], part)):
        assert torch.allclose(model(tokens).logits, expected, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("name", MODELS)
def test_skipped_blocks_equal_a_model_without_them(name: str) -> None:
    tokens = random_tokens()
    for skipped in ([1], [0, 2], [3], [0, 1, 2, 3]):
        model, shorter = MODELS[name](), MODELS[name]()
        holder, attribute = (shorter.transformer, "h") if name == "gpt2" else (shorter.model, "layers")
        setattr(holder, attribute, nn.ModuleList(b for i, b in enumerate(blocks_of(shorter)) if i not in skipped))
        shorter.config.num_hidden_layers = 4 - len(skipped)
        expected = shorter(tokens, use_cache=False).logits
        with skip_blocks(blocks_of(model), skipped):
            assert torch.equal(model(tokens, use_cache=False).logits, expected)
            assert torch.allclose(model(tokens).logits, expected, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("skipped", [[1], [0, 2], [3]])
def test_generation_with_a_cache_equals_generation_without(name: str, skipped: list[int]) -> None:
    model, tokens = MODELS[name](), random_tokens(2, 5)
    options: dict[str, Any] = {"max_new_tokens": 8, "do_sample": False, "attention_mask": torch.ones_like(tokens)}
    with skip_blocks(blocks_of(model), skipped):
        cached = model.generate(tokens, use_cache=True, **options)
        plain = model.generate(tokens, use_cache=False, **options)
        beams = [model.generate(tokens, use_cache=use, num_beams=3, **options) for use in (True, False)]
    assert torch.equal(cached, plain)
    assert torch.equal(*beams)
    assert not torch.equal(cached, model.generate(tokens, **options))


@torch.no_grad()
@pytest.mark.parametrize("name", MODELS)
def test_step_by_step_logits_and_what_the_cache_holds(name: str) -> None:
    model, tokens = MODELS[name](), random_tokens(2, 9)
    cache = DynamicCache(config=model.config)
    with skip_blocks(blocks_of(model), [0, 3]):
        whole = model(tokens, use_cache=False).logits
        parts = [
            model(part, past_key_values=cache, use_cache=True).logits for part in tokens.split([4, 1, 1, 3], dim=1)
        ]
    assert torch.allclose(torch.cat(parts, dim=1), whole, atol=1e-5)
    assert cache.get_seq_length() == 9
    shapes = [tuple(layer.keys.shape) for layer in cache.layers]
    assert shapes[0] == shapes[3] == (2, 1, 9, 1)
    assert shapes[1][2:] == shapes[2][2:] == (9, 24 // (3 if name == "gpt2" else 4))


@torch.no_grad()
def test_skipped_blocks_are_not_computed() -> None:
    model, tokens = tiny_gpt2(), random_tokens()
    calls: list[int] = []
    for number, block in enumerate(model.transformer.h):
        block.attn.register_forward_hook(lambda *_, number=number: calls.append(number))
    with skip_blocks(blocks_of(model), [1, 2]):
        model(tokens)
        model(tokens)
    # Block 1 ran once, to see what shape of output its kind returns.
    assert calls == [0, 1, 3, 0, 3]


class Wrapping(nn.Module):
    """A block that returns a tuple, as older ones do."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)

    def forward(self, stream: Tensor) -> tuple[Tensor, Tensor]:
        return self.linear(stream), stream.sum()


def test_a_skipped_block_returns_a_tuple_where_it_did() -> None:
    blocks, stream = [Wrapping(), Wrapping()], torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
    with skip_blocks(blocks, [1]):
        output = blocks[1](stream)
        assert len(output) == 2
        assert output[0] is stream
        assert output[1] is None
        assert output[0] is not blocks[0](stream)[0]
    assert not torch.equal(blocks[1](stream)[0], stream)


def test_blocks_are_whole_again_afterwards() -> None:
    blocks = [nn.Linear(3, 3), nn.Linear(3, 3)]
    stream = torch.ones(1, 2, 3)
    before = [block(stream) for block in blocks]

    def wrapped(stream: Tensor) -> Tensor:
        return -stream

    blocks[1].forward = wrapped

    def fail() -> None:
        with skip_blocks(blocks, [0, 1]):
            assert torch.equal(blocks[0](stream), stream)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert torch.equal(blocks[0](stream), before[0])
    assert "forward" not in blocks[0].__dict__
    assert blocks[1].forward is wrapped


@torch.no_grad()
def test_state_space_blocks_run_where_there_is_a_cache() -> None:
    torch.manual_seed(0)
    config = MambaConfig(
        vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=3, state_size=4, initializer_range=0.2,
        eos_token_id=None, pad_token_id=0, bos_token_id=0,
    )  # fmt: skip
    model, tokens = MambaForCausalLM(config).eval(), random_tokens(1, 6)
    blocks = list(model.backbone.layers)
    with skip_blocks(blocks, [0, 2]):
        cached = model.generate(tokens, max_new_tokens=5, do_sample=False, use_cache=True)
        for _ in range(5):
            tokens = torch.cat([tokens, model(tokens, use_cache=False).logits[:, -1:].argmax(-1)], dim=1)
    assert torch.equal(cached, tokens)


@torch.no_grad()
def test_blocks_on_flat_rows_generate_too() -> None:
    torch.manual_seed(0)
    config = GeomemTransformerConfig(
        vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, max_position_embeddings=32
    )
    model, tokens = GeomemTransformerForCausalLM(config).eval(), random_tokens(2, 6)
    with skip_blocks(list(model.layers), [0, 2]):
        cached = model.generate(tokens, max_new_tokens=5, do_sample=False, attention_mask=torch.ones_like(tokens))
        plain = tokens
        for _ in range(5):
            plain = torch.cat([plain, model(plain).logits[:, -1:].argmax(-1)], dim=1)
    assert torch.equal(cached, plain)


@torch.no_grad()
@pytest.mark.parametrize("name", [*CAUSAL, *MASKED, "transformer", "transformer-bare", "geomem-mamba", "stablelm"])
def test_in_every_family_a_block_left_out_is_one_whose_input_leaves_it(name: str) -> None:
    adapter, tokens = adapt(build(name)), random_tokens(2, 10)
    clean = adapter.run(tokens)
    for number, block in enumerate(adapter.blocks):
        with skip_block(block, EVERYWHERE, length=10):
            expected = adapter.run(tokens)
        with skip_blocks(adapter.blocks, [number]):
            assert torch.equal(adapter.run(tokens), expected)
        assert not torch.allclose(expected, clean, atol=1e-3)
    assert torch.equal(adapter.run(tokens), clean)


@torch.no_grad()
@pytest.mark.parametrize("name", ["mistral-sliding", "gemma3-sliding", "olmo3-sliding", "pythia", "opt-350m", "gptj"])
def test_other_families_generate_with_a_cache_as_without(name: str) -> None:
    model, tokens = build(name), random_tokens(2, 10)
    blocks = adapt(model).blocks
    options: dict[str, Any] = {"max_new_tokens": 6, "do_sample": False, "attention_mask": torch.ones_like(tokens)}
    for skipped in ([0], [1, 2]):
        with skip_blocks(blocks, skipped):
            cached = model.generate(tokens, use_cache=True, **options)
            assert torch.equal(cached, model.generate(tokens, use_cache=False, **options))


def test_bad_input() -> None:
    with (
        pytest.raises(InputError, match=r"there is no block 4; blocks are 0\.\.3"),
        skip_blocks(tiny_gpt2().transformer.h, [4]),
    ):
        pass
    widening = [nn.Linear(3, 5)]
    with (
        skip_blocks(widening, [0]),
        pytest.raises(InputError, match=r"turns \(1, 2, 3\) into \(1, 2, 5\) cannot be skipped"),
    ):
        widening[0](torch.ones(1, 2, 3))
