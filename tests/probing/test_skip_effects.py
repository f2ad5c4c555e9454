from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.models.adapters import adapt
from geomem.models.configs import GeomemTransformerConfig
from geomem.models.transformer import GeomemTransformerForCausalLM
from geomem.probing.skip_effects import cut_points, local_effects, skip_effects
from tests.interventions.models import (
    VOCABULARY,
    gpt2_logits,
    gpt2_loop,
    random_tokens,
    tiny_gpt2,
    tiny_llama,
)
from tests.models.adapters.checkpoints import build

DEPTH = 4


def updates(streams: list[Tensor]) -> list[Tensor]:
    return [streams[number + 1] - streams[number] for number in range(DEPTH)]


def relative(clean: Tensor, changed: Tensor) -> Tensor:
    return (clean - changed).norm(dim=-1) / clean.norm(dim=-1)


def skipping(layer: int, part: str, stop: int) -> Any:
    """A GPT-2 block that does nothing, or lacks a part, at positions 1 .. stop - 1."""

    def block(number: int, module: Any, stream: Tensor) -> Tensor:
        attended = module.attn(module.ln_1(stream))[0]
        if number == layer and part == "attention":
            attended[:, 1:stop] = 0
        middle = stream + attended
        added = module.mlp(module.ln_2(middle))
        if number == layer and part == "mlp":
            added[:, 1:stop] = 0
        output = middle + added
        if number == layer and part == "layer":
            output[:, 1:stop] = stream[:, 1:stop]
        return output

    return block


@torch.no_grad()
@pytest.mark.parametrize("part", ["layer", "mlp", "attention"])
@pytest.mark.parametrize("version", ["current", "future"])
def test_propagated_effects_against_a_plain_loop(part: Any, version: Any) -> None:
    model, tokens = tiny_gpt2(), random_tokens(3, 22)
    found = skip_effects(adapt(model), tokens, version=version, part=part, batch_tokens=44, seed=5)
    cuts = cut_points(3, 22, seed=5) if version == "future" else torch.full((1, 3), 22)
    changes: dict[tuple[int, int], list[Tensor]] = {}
    outputs: dict[int, list[Tensor]] = {}
    for window, row in enumerate(tokens):
        clean = gpt2_loop(model, row[None])
        for cut in cuts[:, window].tolist():
            seen = slice(cut, None) if version == "future" else slice(1, None)
            for layer in range(DEPTH):
                changed = gpt2_loop(model, row[None], skipping(layer, part, cut))
                for later in range(layer + 1, DEPTH):
                    change = relative(updates(clean)[later], updates(changed)[later])[0, seen]
                    changes.setdefault((layer, later), []).append(change)
                p, q = (gpt2_logits(model, streams[-1]).softmax(-1) for streams in (clean, changed))
                outputs.setdefault(layer, []).append((p - q).norm(dim=-1)[0, seen])
    for layer in range(DEPTH):
        for later in range(DEPTH):
            if later <= layer:
                assert float(found.mean[layer, later]) == float(found.largest[layer, later]) == 0
                continue
            every = torch.cat(changes[layer, later]).double()
            assert float(found.mean[layer, later]) == pytest.approx(float(every.mean()), rel=1e-4)
            assert float(found.largest[layer, later]) == pytest.approx(float(every.max()), rel=1e-4)
        every = torch.cat(outputs[layer]).double()
        assert float(found.output_mean[layer]) == pytest.approx(float(every.mean()), rel=1e-3, abs=1e-8)
        assert float(found.output_largest[layer]) == pytest.approx(float(every.max()), rel=1e-3, abs=1e-7)


@torch.no_grad()
@pytest.mark.parametrize("version", ["current", "future"])
def test_local_effects_against_a_plain_loop(version: Any) -> None:
    model, tokens = tiny_gpt2(), random_tokens(3, 22)
    found = local_effects(adapt(model), tokens, version=version, seed=5)
    cuts = cut_points(3, 22, seed=5) if version == "future" else torch.full((1, 3), 22)
    for layer in range(DEPTH):
        for later in range(layer + 1, DEPTH):
            rows = []
            for window, row in enumerate(tokens):
                clean = gpt2_loop(model, row[None])
                for cut in cuts[:, window].tolist():
                    stream = clean[later].clone()
                    stream[:, 1:cut] -= updates(clean)[layer][:, 1:cut]
                    changed = model.transformer.h[later](stream) - stream
                    seen = slice(cut, None) if version == "future" else slice(1, None)
                    rows.append(relative(updates(clean)[later], changed)[0, seen])
            every = torch.cat(rows).double()
            assert float(found.mean[layer, later]) == pytest.approx(float(every.mean()), rel=1e-4)
            assert float(found.largest[layer, later]) == pytest.approx(float(every.max()), rel=1e-4)


def test_the_first_local_effect_is_the_propagated_one() -> None:
    # Right after the skipped block nothing could have added up yet.
    adapter, tokens = adapt(tiny_llama()), random_tokens(2, 16)
    local = local_effects(adapter, tokens, version="future").mean
    spread = skip_effects(adapter, tokens, version="future").mean
    for layer in range(DEPTH - 1):
        assert float(local[layer, layer + 1]) == pytest.approx(float(spread[layer, layer + 1]), rel=1e-4)
    assert abs(float(local[0, 3] - spread[0, 3])) > 1e-3


def test_the_last_block_has_no_future_effect_and_a_present_one() -> None:
    adapter, tokens = adapt(tiny_gpt2()), random_tokens(3, 16)
    future = skip_effects(adapter, tokens, version="future")
    assert future.output_largest[-1] < 1e-6
    assert future.scores is None
    current = skip_effects(adapter, tokens, version="current")
    assert current.output_largest[-1] > 1e-3
    assert current.scores is not None
    assert current.clean is not None
    assert not torch.allclose(current.scores[:, 0, 0], current.clean[:, 0])
    assert current.counts.tolist() == [15, 15, 15]


def test_chosen_layers_and_progress() -> None:
    adapter, tokens = adapt(tiny_gpt2()), random_tokens(3, 16)
    seen: list[tuple[int, int]] = []
    whole = skip_effects(adapter, tokens, version="current")
    found = skip_effects(
        adapter, tokens, version="current", layers=[2, 1], batch_tokens=16, progress=lambda *done: seen.append(done)
    )
    assert found.layers == (1, 2)
    assert torch.allclose(found.sums, whole.sums[:, 1:3], rtol=1e-4)
    assert seen == [(step, 6) for step in range(1, 7)]


def test_flat_rows_see_the_same_as_windows() -> None:
    torch.manual_seed(0)
    config = GeomemTransformerConfig(
        vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, max_position_embeddings=32
    )
    adapter, tokens = adapt(GeomemTransformerForCausalLM(config).eval()), random_tokens(2, 16)
    for part in ("layer", "mlp", "attention"):
        found = skip_effects(adapter, tokens, version="future", part=part)
        alone = [skip_effects(adapter, row[None], version="current", part=part).sums[0] for row in tokens]
        assert float(found.output_largest[-1]) < 1e-6
        assert float(found.mean[0, 1]) > 0
        together = skip_effects(adapter, tokens, version="current", part=part).sums
        assert torch.allclose(torch.stack(alone), together, rtol=1e-4)
    local = local_effects(adapter, tokens, version="future").mean
    assert float(local[0, 1]) == pytest.approx(
        float(skip_effects(adapter, tokens, version="future").mean[0, 1]), rel=1e-4
    )


def test_cuts() -> None:
    cuts = cut_points(50, 64)
    assert cuts.shape == (4, 50)
    assert set(cuts.flatten().tolist()) == {8, 16, 24, 32, 40, 48, 56}
    assert all(len(set(cuts[:, window].tolist())) == 4 for window in range(50))
    assert torch.equal(cuts, cut_points(50, 64))
    assert cut_points(2, 13).tolist() == [[8, 8]]
    with pytest.raises(InputError, match="windows of at least 13 tokens, got 12"):
        cut_points(2, 12)


def test_a_part_that_a_model_lacks() -> None:
    from geomem.models.configs import GeomemMambaConfig
    from geomem.models.mamba import GeomemMambaForCausalLM

    adapter = adapt(GeomemMambaForCausalLM(GeomemMambaConfig(vocab_size=VOCABULARY, hidden_size=16)).eval())
    with pytest.raises(InputError, match="no mlp that adds to its stream in every block"):
        skip_effects(adapter, random_tokens(1, 16), version="current", part="mlp")


@pytest.mark.parametrize("name", ["pythia", "opt-350m", "gemma2-sliding", "mamba"])
def test_other_families(name: str) -> None:
    adapter, tokens = adapt(build(name)), random_tokens(2, 16)
    future = skip_effects(adapter, tokens, version="future")
    assert float(future.output_largest[-1]) == 0
    assert float(future.mean[0, 1]) > 0
    local = local_effects(adapter, tokens, version="future")
    assert torch.allclose(local.mean.diagonal(1), future.mean.diagonal(1), rtol=1e-3)
