from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from geomem.geometry.spectrum import covariance_eigenvalues, rankme
from geomem.models.adapters import adapt
from geomem.models.hub import open_checkpoint
from geomem.probing.rows import Rows
from geomem.spec import validate
from geomem.studies.attention_sinks.checkpoint import COSINE, RANK, WITH_SINKS, Depth, masking, measure
from geomem.studies.attention_sinks.settings import Reading
from geomem.studies.language_model import SMOKE_LM, text_task
from geomem.texts.windows import choose_windows
from geomem.training.progress import silent
from geomem.training.work import Extra, Work
from tests.probing import tiny

READING = Reading(context=16, tokens=512, batch_tokens=128, sample=64, windows=4, norms=(0.5, 1.0))


def work_on(model: object, folder: Path) -> Work:
    place = tiny.saved(model, folder / "model")
    lm = SMOKE_LM.model_copy(update={"text": str(tiny.text_file(folder))})
    told = {"reading": READING.model_dump(mode="json"), "lm": lm.model_dump(mode="json"), "model": str(place)}
    return validate(Work, {"function": "x:y", "settings": told, "device": "cpu"})


def value(extra: Extra, metric: str, condition: str, layer: int) -> float:
    (found,) = (row.value for row in extra.rows if (row.metric, row.condition, row.layer) == (metric, condition, layer))
    return found


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    return work_on(tiny.gpt2(), tmp_path_factory.mktemp("gpt2"))


@pytest.fixture(scope="module")
def extra(work: Work) -> Extra:
    return measure(work, None, silent)  # type: ignore[arg-type]


def test_a_checkpoint_is_read_at_every_block_against_transformers_itself(work: Work, extra: Extra) -> None:
    model = open_checkpoint(work.settings["model"])
    windows = text_task(work, context=16).windows["held_out"]
    tokens = windows.batch(choose_windows(len(windows), 16, 512, work.seed))
    adapter = adapt(model)
    maps = adapter.attention_maps(tokens)
    with adapter.record(parts=False) as record:
        adapter.run(tokens)
    assert extra.numbers["sinks/parameters"] == sum(one.numel() for one in model.parameters())
    assert extra.numbers["sinks/windows"] == len(tokens)
    for layer, (weights, stream) in enumerate(zip(maps, record.streams[1:], strict=True)):
        norms = stream.norm(dim=-1)
        ratio = float((norms[:, 0] / norms.median(1).values).mean())
        assert value(extra, "sinks/norm_ratio", "", layer) == pytest.approx(ratio, rel=1e-5)
        looked = float(weights[:, :, 8:, 0].mean())
        assert value(extra, "sinks/first_token", "", layer) == pytest.approx(looked, rel=1e-5)
        whole = float(rankme(covariance_eigenvalues(stream.flatten(0, 1))))
        assert value(extra, RANK, WITH_SINKS, layer) == pytest.approx(whole, rel=1e-5)
        assert value(extra, COSINE, WITH_SINKS, layer) <= 1


def test_the_control_and_the_chance_level_stand_beside(extra: Extra) -> None:
    for metric in ("sinks/first_token", "sinks/norm_ratio"):
        pairs = [(value(extra, metric, "", layer), value(extra, metric, "untrained", layer)) for layer in range(3)]
        assert all(one != two for one, two in pairs)
    chance = sum(1 / (query + 1) for query in range(8, 16)) / 8
    assert value(extra, "attention/first_token", "chance", 1) == pytest.approx(chance)
    assert extra.arrays["places"].shape == (3, 16)


def test_a_model_without_attention_weights_has_norms_and_no_gate(tmp_path: Path) -> None:
    from transformers import MambaConfig, MambaForCausalLM

    torch.manual_seed(0)
    config = MambaConfig(vocab_size=tiny.VOCABULARY, hidden_size=16, num_hidden_layers=2, state_size=4,
                         bos_token_id=0, eos_token_id=0, pad_token_id=0)  # fmt: skip
    found = measure(work_on(MambaForCausalLM(config), tmp_path), None, silent)  # type: ignore[arg-type]
    assert math.isnan(found.numbers["sinks/middle_attention"])
    assert {row.layer for row in found.rows if row.metric == "sinks/norm_ratio"} == {0, 1}
    assert not [row for row in found.rows if row.metric == "sinks/first_token"]


def passed(ratios: list[float], attention: list[float], active: list[float], ranks: list[float]) -> Rows:
    rows = Rows("model")
    rows.keep({"attention/places": torch.tensor([[ratio, 1.0] for ratio in ratios])})
    for layer, (looked, alive) in enumerate(zip(attention, active, strict=True)):
        rows.add("attention/first_token", looked, layer=layer)
        rows.add("attention/active", alive, layer=layer)
    for layer, rank in enumerate(ranks):
        rows.add(RANK, rank, layer=layer)
        rows.add(COSINE, rank / 100, layer=layer)
    return rows


def test_the_gate_reads_the_middle_half_and_counts_massive_blocks() -> None:
    rows = passed([1.0, 5.0, 4.99, 9.0], [0.9, 0.5, 0.3, 0.9], [0, 1, 1, 0], [1.0] * 5)
    depth = Depth.of(rows)
    assert depth.attention == [0.9, 0.5, 0.3, 0.9]
    assert depth.gates() == {"sinks/middle_attention": pytest.approx(0.4), "sinks/massive_share": 0.5}
    bare = passed([9.0, 9.0], [math.nan, math.nan], [1, 1], [1.0] * 3)
    assert math.isnan(Depth.of(bare).gates()["sinks/middle_attention"])


def test_masking_is_the_median_change_over_active_layers() -> None:
    """Streams 2 and 3 follow the active blocks 1 and 2: they change by 0.5 and 0.9; the other layers are not asked."""
    found = passed([1.0] * 4, [0.1] * 4, [0.0, 0.9, 1.0, 0.5], [7, 7, 10, 10, 7])
    whole = passed([1.0] * 4, [0.1] * 4, [0.0] * 4, [700, 700, 5, 1, 700])
    changed = masking(found, whole, 4)
    assert changed == {
        "sinks/active_layers": 2, "masking/rank": pytest.approx(0.7), "masking/cosine": pytest.approx(0.7),
    }  # fmt: skip
    none = masking(whole, found, 4)
    assert none["sinks/active_layers"] == 0
    assert math.isnan(none["masking/rank"])
