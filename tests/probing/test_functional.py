from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from geomem.models.adapters import adapt
from geomem.probing.functional import FunctionalTest, bank_of, collect_streams
from tests.interventions.models import gpt2_logits, gpt2_loop, random_tokens, tiny_gpt2


@torch.no_grad()
def test_streams_against_a_plain_loop() -> None:
    model, tokens = tiny_gpt2(), random_tokens(5, 7)
    streams = collect_streams(adapt(model), tokens, [1, 2], batch_tokens=14)
    expected = gpt2_loop(model, tokens)
    assert sorted(streams) == [1, 2, 3]
    for number, stream in streams.items():
        assert torch.allclose(stream, expected[number], atol=1e-5)
    bank = bank_of(streams, 2, tokens, first_window=10)
    assert torch.equal(bank.entering, streams[2][:, 1:].reshape(30, 24))
    assert torch.equal(bank.leaving, streams[3][:, 1:].reshape(30, 24))
    assert bank.tokens.tolist() == tokens[:, 1:].flatten().tolist()
    assert bank.windows.tolist() == [window for window in range(10, 15) for _ in range(6)]


@torch.no_grad()
@pytest.mark.parametrize("layer", [0, 2, 3])
def test_both_variants_against_a_plain_loop(layer: int) -> None:
    model, tokens = tiny_gpt2(), random_tokens(4, 7)
    adapter = adapt(model)
    test = FunctionalTest(adapter, tokens, singles=8, seed=3, batch_tokens=14)
    mapped = torch.randn(24, 24, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    streams = gpt2_loop(model, tokens)
    found = test(layer, streams[layer], mapped, one_by_one=True)

    def divergence(window: int, places: list[int]) -> Tensor:
        def block(number: int, module: nn.Module, stream: Tensor) -> Tensor:
            output = module(stream).clone()
            if number == layer:
                output[0, places] = mapped.view(4, 6, 24)[window, [place - 1 for place in places]].float()
            return output

        changed = gpt2_loop(model, tokens[window, None], block)[-1]
        p, q = (
            gpt2_logits(model, stream).double().log_softmax(-1)[0] for stream in (streams[-1][window, None], changed)
        )
        return (p.exp() * (p - q)).sum(-1)

    for window in range(4):
        every = divergence(window, [1, 2, 3, 4, 5, 6])[1:]
        assert torch.allclose(found.kl.view(4, 6)[window], every, rtol=1e-3, atol=1e-6)
    assert found.single_kl is not None
    assert len(found.singles) == 8
    assert found.singles.unique().numel() == 8
    for token, kl in zip(found.singles.tolist(), found.single_kl.tolist(), strict=True):
        place = token % 6 + 1
        assert kl == pytest.approx(float(divergence(token // 6, [place])[place]), rel=1e-3, abs=1e-6)
    assert test(layer, streams[layer], mapped, one_by_one=False).single_kl is None


@torch.no_grad()
def test_the_block_itself_changes_nothing() -> None:
    adapter, tokens = adapt(tiny_gpt2()), random_tokens(4, 7)
    streams = collect_streams(adapter, tokens, [1])
    test = FunctionalTest(adapter, tokens, singles=1000, seed=0, batch_tokens=100)
    found = test(1, streams[1], streams[2][:, 1:].flatten(0, 1), one_by_one=True)
    assert float(found.kl.max()) < 1e-9
    assert found.single_kl is not None
    assert len(found.single_kl) == 24
