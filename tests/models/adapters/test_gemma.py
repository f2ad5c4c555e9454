"""Gemma 2 and 3: norms on both sides, scaled embeddings, bounded logits."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import Gemma3Config, Gemma3ForConditionalGeneration

from geomem.models.hub import open_checkpoint
from tests.models.adapters.checkpoints import Opened, save, tokens
from tests.models.adapters.parts import recorded, same

BOTH = ["gemma2-sliding", "gemma3-sliding"]


@pytest.mark.parametrize("name", BOTH)
def test_what_is_recorded_is_normed_before_and_after_the_mlp(name: str, opened: Opened) -> None:
    adapter, streams, attention, mlp = recorded(opened(name))
    block = adapter.blocks[1]
    assert adapter.family == "gemma"
    with torch.no_grad():
        inner = block.mlp(block.pre_feedforward_layernorm(streams[1] + attention[1]))
        assert same(block.post_feedforward_layernorm(inner), mlp[1])


@pytest.mark.parametrize("name", BOTH)
def test_rows_of_the_table_enter_scaled(name: str, opened: Opened) -> None:
    adapter, streams, *_ = recorded(opened(name))
    assert same(adapter.embedding[tokens()] * 32**0.5, streams[0])


def test_logits_are_bounded_only_where_the_configuration_says(opened: Opened) -> None:
    for name, bound in (("gemma2-sliding", 0.5), ("gemma3-sliding", None)):
        adapter, streams, *_ = recorded(opened(name))
        with torch.no_grad():
            raw = adapter.output_layer(adapter.final(streams[-1]))
            found = adapter.logits(streams[-1])
        assert raw.abs().max() > 1
        assert same(found, raw if bound is None else 0.5 * (raw / 0.5).tanh())


def test_a_model_that_also_sees_images_is_read_as_text(tmp_path: Path) -> None:
    text = {"vocab_size": 60, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3,
            "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}  # fmt: skip
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
              "image_size": 28, "patch_size": 14}  # fmt: skip
    config = Gemma3Config(
        text_config=text, vision_config=vision, mm_tokens_per_image=4,
        image_token_index=55, boi_token_index=56, eoi_token_index=57,
    )  # fmt: skip
    model = open_checkpoint(save(Gemma3ForConditionalGeneration(config).eval(), tmp_path))
    adapter, streams, *_ = recorded(model)
    assert (adapter.family, adapter.missing) == ("gemma", ())
    with torch.no_grad():
        output = model(input_ids=tokens(), output_hidden_states=True)
        assert same(adapter.logits(streams[-1]), output.logits)
    assert all(same(one, other) for one, other in zip(streams[:-1], output.hidden_states[:-1], strict=True))
    assert adapter.attention_maps(tokens())[2].shape == (2, 4, 9, 9)
    parts = (model.config, model.config.text_config, model.config.vision_config)
    assert [part._attn_implementation for part in parts] == ["sdpa"] * 3
