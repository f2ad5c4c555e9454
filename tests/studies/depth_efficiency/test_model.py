from __future__ import annotations

from typing import Any

import pytest
import torch

from geomem.errors import InputError
from geomem.geometry.depth import half_ratio
from geomem.geometry.updates import update_norms
from geomem.models.adapters import adapt
from geomem.probing.conditions import untrained_twin
from geomem.probing.erasure import measure_erasure
from geomem.probing.model_map import map_models
from geomem.probing.skips import measure_skips
from geomem.studies.depth_efficiency.model import (
    SHOWN,
    UNTRAINED,
    measure_battery,
    measure_erasures,
    measure_maps,
    measure_skip_effects,
)
from geomem.studies.depth_efficiency.settings import SMOKE, Reading
from geomem.studies.windows import text_windows
from geomem.training.progress import silent
from geomem.training.work import Extra, Work
from tests.probing import tiny

READING = Reading(context=16, windows=6, erased=3, positions=2, fit_tokens=300, batch_tokens=64)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    folder = tmp_path_factory.mktemp("depth")
    settings: dict[str, Any] = {
        "lm": SMOKE.lm.model_copy(update={"text": str(tiny.text_file(folder))}).model_dump(mode="json"),
        "model": str(tiny.saved(tiny.gpt2(), folder / "model")),
        "source": str(tiny.saved(tiny.gpt2(1), folder / "source")),
        "reading": READING.model_dump(mode="json"),
    }
    return Work(function="m:f", settings=settings)


@pytest.fixture(scope="module")
def tokens(work: Work) -> torch.Tensor:
    return text_windows(work, adapt(tiny.gpt2()), "held_out", 6, 16)


def profile(found: Extra, metric: str, condition: str = "") -> list[float]:
    rows = [row for row in found.rows if row.metric == metric and row.condition == condition]
    assert [row.layer for row in rows] == list(range(len(rows)))
    return [row.value for row in rows]


def test_the_battery_reads_all_tokens_of_the_windows(work: Work, tokens: torch.Tensor) -> None:
    found = measure_battery(work, None, silent)  # type: ignore[arg-type]
    for condition, model in (("", tiny.gpt2()), (UNTRAINED, untrained_twin(tiny.gpt2(), 0))):
        adapter = adapt(model)
        with adapter.record() as record:
            adapter.run(tokens)
        parts = [torch.stack([part for part in some if part is not None]) for some in (record.attention, record.mlp)]
        exact = update_norms(torch.stack(record.streams), parts[0], parts[1], adapter.mlp_input)
        for name in ("update_ratio", "update_cosine", "stream_norm", "mlp_ratio"):
            assert profile(found, f"updates/{name}", condition) == pytest.approx(
                exact[name].tolist(), rel=1e-4, abs=1e-6
            )
        assert len(profile(found, "lens/kl", condition)) == 4
    assert half_ratio(torch.tensor(profile(found, "updates/update_ratio"))) > 0
    assert {row.metric.split("/")[0] for row in found.rows} == {"updates", "lens", "model"}
    assert {row.model for row in found.rows} == {""}


def test_skips_are_those_of_the_driver_with_the_twin_beside(work: Work, tokens: torch.Tensor) -> None:
    found = measure_skip_effects(work, None, silent)  # type: ignore[arg-type]
    direct = measure_skips(adapt(tiny.gpt2()), tokens, batch_tokens=64)
    for metric in ("skips/future_mean", "skips/mlp_current_output_mean", "skips/loss_increase"):
        expected = [row.value for row in direct.rows if row.metric == metric]
        assert profile(found, metric) == pytest.approx(expected)
    twin = measure_skips(adapt(untrained_twin(tiny.gpt2(), 0)), tokens, parts=("layer",), batch_tokens=64)
    expected = [row.value for row in twin.rows if row.metric == "skips/future_mean"]
    assert profile(found, "skips/future_mean", UNTRAINED) == pytest.approx(expected)
    assert profile(found, "skips/mlp_future_mean", UNTRAINED) == []
    assert set(found.arrays) == set(SHOWN)
    assert found.arrays[SHOWN[0]].shape == (3, 3)


def test_erasures_are_of_the_first_windows(work: Work, tokens: torch.Tensor) -> None:
    found = measure_erasures(work, None, silent)  # type: ignore[arg-type]
    direct = measure_erasure(adapt(tiny.gpt2()), tokens[:3], positions=2, batch_tokens=64)
    for name in ("own", "future_mean"):
        expected = [row.value for row in direct.rows if row.metric == f"erasure/{name}"]
        assert profile(found, f"erasure/{name}") == pytest.approx(expected)
        assert len(profile(found, f"erasure/{name}", UNTRAINED)) == 4


def test_maps_lead_from_the_source_to_the_model_and_to_its_twin(work: Work, tokens: torch.Tensor) -> None:
    found = measure_maps(work, None, silent)  # type: ignore[arg-type]
    target = adapt(tiny.gpt2())
    train = text_windows(work, target, "train", 20, 16)
    direct = map_models(adapt(tiny.gpt2(1)), target, train, tokens)
    assert torch.allclose(found.arrays["map.errors"], direct.errors.float(), rtol=1e-4)
    assert profile(found, "map/best_source") == direct.best.tolist()
    assert len(profile(found, "map/best_source", UNTRAINED)) == 4
    assert found.numbers == {"map/source_depth": 3.0}


def test_a_source_of_another_vocabulary_is_refused(work: Work, tmp_path_factory: pytest.TempPathFactory) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    small = GPT2LMHeadModel(GPT2Config(vocab_size=40, n_positions=64, n_embd=8, n_layer=1, n_head=1))
    folder = tiny.saved(small, tmp_path_factory.mktemp("small"), words=False)
    other = work.model_copy(update={"settings": {**work.settings, "source": str(folder)}})
    with pytest.raises(InputError, match="both must read the same tokens"):
        measure_maps(other, None, silent)  # type: ignore[arg-type]
