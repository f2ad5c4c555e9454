from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.geometry import updates
from geomem.geometry.updates import (
    UPDATE_NAMES,
    UpdateNorms,
    adjacent_cosines,
    random_cosine,
    update_norms,
    update_scalars,
)
from tests.geometry.samples import normal, rotation


def network(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Streams (4, 3, 5, 8) of three pre-norm blocks, and what attention and MLP add."""
    attention, mlp = normal(3, 3, 5, 8, seed=seed), 0.5 * normal(3, 3, 5, 8, seed=seed + 1)
    start = 2 * normal(1, 3, 5, 8, seed=seed + 2)
    return torch.cat([start, start + (attention + mlp).cumsum(0)]), attention, mlp


def cosine(one: np.ndarray, two: np.ndarray) -> float:
    return float(one @ two / np.linalg.norm(one) / np.linalg.norm(two))


def test_every_number_against_the_written_formulas() -> None:
    streams, attention, mlp = network()
    found = update_scalars(streams[0], attention[0], mlp[0], "after-attention", streams[1])
    assert set(found) == set(UPDATE_NAMES)
    for b in range(3):
        for t in range(5):
            h, a, m, after = (x[0, b, t].numpy() for x in (streams, attention, mlp, streams[1:]))
            size = np.linalg.norm
            expected = {
                "stream_norm": size(h),
                "attention_norm": size(a),
                "mlp_norm": size(m),
                "update_norm": size(a + m),
                "attention_ratio": size(a) / size(h),
                "mlp_ratio": size(m) / size(h + a),
                "update_ratio": size(a + m) / size(h),
                "attention_cosine": cosine(a, h),
                "mlp_cosine": cosine(m, h + a),
                "update_cosine": cosine(a + m, h),
                "stream_cosine": cosine(after, h),
            }
            assert {name: float(values[b, t]) for name, values in found.items()} == pytest.approx(expected)


def test_parallel_blocks_read_the_block_input() -> None:
    streams, attention, mlp = network()
    found = update_scalars(streams[0], attention[0], mlp[0], "block-input", streams[1])
    ratio = mlp[0].norm(dim=-1) / streams[0].norm(dim=-1)
    assert torch.allclose(found["mlp_ratio"], ratio)
    assert torch.allclose(found["mlp_cosine"], torch.cosine_similarity(mlp[0], streams[0], dim=-1))


def test_what_a_missing_part_would_give_is_absent() -> None:
    streams, attention, mlp = network()
    mamba = update_scalars(streams[0], attention[0], None, "after-attention", streams[1])
    assert set(UPDATE_NAMES) - set(mamba) == {"mlp_norm", "mlp_ratio", "mlp_cosine"}
    generic = update_scalars(streams[0], None, None, "after-attention", streams[1])
    assert set(generic) == {"stream_norm", "stream_cosine", "update_norm", "update_ratio", "update_cosine"}
    no_attention = update_scalars(streams[0], None, mlp[0], "after-attention", streams[1])
    assert set(no_attention) - set(generic) == {"mlp_norm"}
    # Without the parts, the update is the difference of the streams: the same in a pre-norm block.
    whole = update_scalars(streams[0], attention[0], mlp[0], "after-attention", streams[1])
    assert torch.allclose(generic["update_ratio"], whole["update_ratio"])


def test_post_norm_blocks_change_the_stream_by_more_than_they_add() -> None:
    streams, attention, mlp = network()
    after = torch.nn.functional.layer_norm(streams[1], (8,))
    found = update_scalars(streams[0], attention[0], mlp[0], "normed", after)
    assert "mlp_ratio" not in found
    assert torch.allclose(found["update_norm"], (after - streams[0]).norm(dim=-1))


def test_zero_vectors_have_cosine_zero_and_clamped_ratios() -> None:
    zero, one = torch.zeros(1, 4), torch.ones(1, 4)
    found = update_scalars(zero, one, one, "after-attention", 2 * one)
    assert float(found["update_cosine"]) == float(found["stream_cosine"]) == 0
    assert float(found["attention_ratio"]) == pytest.approx(2e6)


def test_an_update_that_wipes_out_a_massive_stream_keeps_its_digits() -> None:
    small = normal(6, 64).float()
    massive = 3000 * normal(1, 64, seed=1).float().expand(6, -1)
    found = update_scalars(massive, -massive, small, "after-attention", small)
    ratio = small.norm(dim=-1) / (massive - massive).norm(dim=-1).clamp(min=1e-6)
    assert torch.allclose(found["mlp_ratio"], ratio)
    exact = torch.cosine_similarity(small.double(), massive.double(), dim=-1)
    assert torch.allclose(found["stream_cosine"].double(), exact, atol=1e-6)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.floats(0.1, 100))
def test_rotation_changes_nothing_and_scale_changes_norms_only(seed: int, factor: float) -> None:
    streams, attention, mlp = network(seed)
    turn = factor * rotation(8, seed)
    one = update_norms(streams, attention, mlp, "after-attention")
    two = update_norms(streams @ turn, attention @ turn, mlp @ turn, "after-attention")
    for name, values in one.items():
        assert torch.allclose(two[name], factor * values if name.endswith("norm") else values)


def test_streaming_equals_exact_in_chunks_and_merges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "CHUNK", 16)
    streams, attention, mlp = network()
    keep = normal(3, 5, seed=9) > -0.8
    exact = update_norms(streams, attention, mlp, "after-attention", keep)
    for dtype, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
        shards = [UpdateNorms(3), UpdateNorms(3)]
        for place, windows in enumerate((slice(0, 1), slice(1, 3))):
            blocks = [
                update_scalars(*(x[windows].to(dtype) for x in (h, a, m)), "after-attention", after[windows].to(dtype))
                for h, a, m, after in zip(streams[:-1], attention, mlp, streams[1:], strict=True)
            ]
            shards[place].update({name: torch.stack([b[name] for b in blocks]) for name in blocks[0]}, keep[windows])
        shards[0].merge_state(shards[1])
        found = shards[0].compute()
        assert set(found) == set(exact) == set(UPDATE_NAMES)
        for name, values in exact.items():
            assert torch.allclose(found[name].value, values, rtol=tolerance, atol=0)
        highest = (attention.norm(dim=-1) / streams[:-1].norm(dim=-1))[:, keep].amax(1)
        assert torch.allclose(shards[0].maxima()["attention_ratio"], highest, rtol=tolerance)


def test_half_precision_is_read_as_float32() -> None:
    streams, attention, mlp = (x.to(torch.bfloat16) for x in network())
    found = update_scalars(streams[0], attention[0], mlp[0], "after-attention", streams[1])
    assert found["attention_ratio"].dtype == torch.float32
    expected = attention[0].double().norm(dim=-1) / streams[0].double().norm(dim=-1)
    assert torch.allclose(found["attention_ratio"].double(), expected)


def test_adjacent_cosines_and_their_chance_level() -> None:
    streams = network()[0]
    expected = torch.cosine_similarity(streams[:-1], streams[1:], dim=-1)
    assert torch.allclose(adjacent_cosines(list(streams)), expected)
    random = adjacent_cosines([normal(4000, 64, seed=seed) for seed in (0, 1)])
    assert float((random.abs() < random_cosine(64)).double().mean()) == pytest.approx(0.95, abs=0.01)
