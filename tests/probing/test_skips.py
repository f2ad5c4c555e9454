from __future__ import annotations

import pytest
import torch

from geomem.errors import InputError
from geomem.geometry.depth import depth_score
from geomem.interventions.skip import skip_block
from geomem.models.adapters import adapt
from geomem.models.configs import GeomemMambaConfig
from geomem.models.mamba import GeomemMambaForCausalLM
from geomem.probing.rerun import score_windows
from geomem.probing.skip_effects import skip_effects
from geomem.probing.skips import measure_skips
from tests.interventions.models import VOCABULARY, random_tokens, tiny_gpt2


def test_rows_say_what_the_effects_say() -> None:
    adapter, tokens = adapt(tiny_gpt2()), random_tokens(5, 16)
    rows = measure_skips(adapter, tokens, seed=3)
    future = skip_effects(adapter, tokens, version="future", seed=3)
    assert rows.value("skips/future_mean", 0) == pytest.approx(float(future.mean[0, 1:].mean()))
    assert rows.value("skips/future_max", 1) == pytest.approx(float(future.largest[1, 2:].mean()))
    assert rows.value("skips/future_next", 2) == pytest.approx(float(future.mean[2, 3]))
    assert rows.value("skips/future_output_mean", 1) == pytest.approx(float(future.output_mean[1]))
    assert rows.value("skips/depth_score_output_max") == pytest.approx(depth_score(future.output_largest))
    assert rows.value("skips/depth_score_propagated_max") == pytest.approx(
        depth_score(future.largest.sum(1)[:3] / torch.tensor([3, 2, 1]))
    )
    assert 0 < rows.value("skips/depth_score_propagated") < 2
    for row in rows.rows:
        if row.metric.endswith("_mean") and row.value > 0:
            assert row.low is not None
            assert row.low < row.value
    # The last block has later positions' output, but no later block.
    assert [row.layer for row in rows.rows if row.metric == "skips/mlp_current_next"] == [0, 1, 2]
    assert {name.split(".")[1] for name in rows.arrays} == {
        "layers", "loss_increase", *(
            f"{part}{version}" for part in ("", "mlp_", "attention_", "local_") for version in ("future", "current")
        ),
    }  # fmt: skip
    assert rows.arrays["skips.attention_current.mean"].shape == (4, 4)


@torch.no_grad()
def test_loss_increase_against_two_plain_scorings() -> None:
    model, tokens = tiny_gpt2(), random_tokens(5, 16)
    adapter = adapt(model)
    rows = measure_skips(adapter, tokens, parts=["layer"], layers=[2])
    clean = score_windows(adapter, tokens)
    with skip_block(model.transformer.h[2]):
        skipped = score_windows(adapter, tokens)
    expected = (skipped[:, 0] - clean[:, 0]) / 15
    assert rows.value("skips/loss_increase", 2) == pytest.approx(float(expected.mean()), rel=1e-4)
    assert rows.value("skips/loss") == pytest.approx(float(clean[:, 0].mean() / 15))
    assert torch.allclose(rows.arrays["skips.loss_increase"][:, 0].double(), expected, atol=1e-6)
    assert rows.arrays["skips.layers"].tolist() == [2]
    assert not any(row.metric.startswith("skips/depth_score") for row in rows.rows)


def test_progress_runs_to_its_end_once() -> None:
    seen: list[tuple[int, int]] = []
    measure_skips(adapt(tiny_gpt2()), random_tokens(2, 20), batch_tokens=20, progress=lambda *done: seen.append(done))
    # Two batches, four blocks; three parts and the local version; one cut at 8 and none at 16.
    assert seen == [(done, 2 * 4 * 4 * 2) for done in range(1, 2 * 4 * 4 * 2 + 1)]


def test_parts_that_a_model_lacks_are_named() -> None:
    torch.manual_seed(0)
    adapter = adapt(GeomemMambaForCausalLM(GeomemMambaConfig(vocab_size=VOCABULARY, hidden_size=16)).eval())
    rows = measure_skips(adapter, random_tokens(2, 16))
    assert [line for line in rows.lines if "no mlp" in line]
    assert not any(row.metric.startswith("skips/mlp") for row in rows.rows)
    assert any(row.metric.startswith("skips/attention") for row in rows.rows)


def test_bad_input() -> None:
    adapter = adapt(tiny_gpt2())
    with pytest.raises(InputError, match="windows of at least 13 tokens"):
        measure_skips(adapter, random_tokens(2, 9))
    with pytest.raises(InputError, match="there is no layer 9"):
        measure_skips(adapter, random_tokens(2, 16), layers=[9])
