from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from geomem.errors import InputError
from geomem.models.adapters import adapt
from geomem.probing.erasure import erasure_effects, mean_streams, measure_erasure, random_positions
from tests.interventions.models import gpt2_logits, gpt2_loop, random_tokens, tiny_gpt2, tiny_llama


@torch.no_grad()
def test_means_over_all_tokens_against_hidden_states() -> None:
    model, tokens = tiny_gpt2(), random_tokens(5, 7)
    found = mean_streams(adapt(model), tokens, batch_tokens=14)
    for stream, mean in zip(gpt2_loop(model, tokens), found, strict=True):
        assert torch.allclose(mean, stream.double().mean((0, 1)), atol=1e-6)


@torch.no_grad()
def test_effects_against_a_plain_loop() -> None:
    model, tokens = tiny_gpt2(), random_tokens(3, 9)
    adapter = adapt(model)
    means = mean_streams(adapter, tokens)
    positions = torch.tensor([[4, 8], [0, 3], [7, 1]])
    answers = torch.ones(3, 9, dtype=torch.bool)
    answers[:, 6:] = False
    found = erasure_effects(adapter, tokens, means, positions, answers=answers, batch_tokens=18)
    clean = gpt2_logits(model, gpt2_loop(model, tokens)[-1]).softmax(-1)
    for stream in range(5):
        for window in range(3):
            for column, position in enumerate(positions[window].tolist()):

                def block(number: int, module: nn.Module, entering: Tensor, at: int = position) -> Tensor:
                    if number == stream:  # noqa: B023
                        entering = entering.clone()
                        entering[:, at] = means[stream].float()  # noqa: B023
                    return module(entering)

                last = gpt2_loop(model, tokens[window, None], block)[-1]
                if stream == 4:
                    last[:, position] = means[4].float()
                change = (gpt2_logits(model, last).softmax(-1)[0] - clean[window]).norm(dim=-1)
                place = (stream, window, column)
                assert float(found.largest[place]) == pytest.approx(float(change[:6].max()), rel=1e-3, abs=1e-6)
                assert float(found.own[place]) == pytest.approx(float(change[position]), rel=1e-3, abs=1e-6)
                later = change[position + 1 : 6]
                if len(later):
                    assert float(found.later_mean[place]) == pytest.approx(float(later.mean()), rel=1e-3, abs=1e-6)
                    assert float(found.later_largest[place]) == pytest.approx(float(later.max()), rel=1e-3, abs=1e-6)
                else:
                    assert bool(found.later_mean[place].isnan())


def test_rows() -> None:
    adapter, tokens = adapt(tiny_llama()), random_tokens(6, 10)
    seen: list[tuple[int, int]] = []
    rows = measure_erasure(adapter, tokens, positions=3, progress=lambda *done: seen.append(done))
    assert seen == [(done, 15) for done in range(1, 16)]
    for name in ("max", "own", "future_max", "future_mean"):
        assert rows.value(f"erasure/{name}", 2) == pytest.approx(
            float(rows.arrays[f"erasure.{name}"][2].mean()), rel=1e-5
        )
    # The last stream is read by its own position only.
    assert rows.value("erasure/future_max", 4) == 0
    assert rows.value("erasure/own", 4) > 0
    assert rows.value("erasure/future_max", 0) > rows.value("erasure/future_mean", 0) > 0
    assert str(measure_erasure(adapter, tokens, positions=3).rows) == str(rows.rows)
    some = measure_erasure(adapter, tokens, positions=3, streams=[3])
    assert some.value("erasure/max", 3) == pytest.approx(rows.value("erasure/max", 3))


def test_positions() -> None:
    drawn = random_positions(20, 6)
    assert drawn.shape == (20, 4)
    assert set(drawn.flatten().tolist()) == {1, 2, 3, 4}
    assert torch.equal(drawn, random_positions(20, 6))
    assert not torch.equal(random_positions(20, 30), random_positions(20, 30, seed=1))


def test_bad_input() -> None:
    adapter, tokens = adapt(tiny_gpt2()), random_tokens(2, 5)
    means = mean_streams(adapter, tokens)
    with pytest.raises(InputError, match=r"positions must be 0\.\.4, got 2\.\.5"):
        erasure_effects(adapter, tokens, means, torch.tensor([[2], [5]]))
    with pytest.raises(InputError, match="windows of at least 3 tokens are needed, got 2"):
        measure_erasure(adapter, tokens[:, :2])
    with pytest.raises(InputError, match=r"there is no layer 7; layers are 0\.\.4"):
        erasure_effects(adapter, tokens, means, torch.tensor([[2], [3]]), streams=[7])
