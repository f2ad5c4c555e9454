from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.linalg import svdvals

from geomem.errors import InputError, RunError
from geomem.geometry.cka import linear_cka, minibatch_cka
from geomem.probing.reader import read_state
from geomem.probing.rows import Rows
from tests.probing import tiny


def test_one_pass_gives_the_exact_numbers_of_hidden_states_kept_whole() -> None:
    """Against transformers' own hidden states and dense formulas in numpy."""
    model = tiny.gpt2()
    reader = tiny.read(tiny.reader(model))
    found = tiny.values(reader)
    text = reader.plan.windows.batch(reader.plan.chosen)
    with torch.no_grad():
        states = model(text, output_hidden_states=True).hidden_states
    assert found[("attention/left_out", None, "")] == 0
    for layer in range(tiny.LAYERS):  # the last of transformers' states is after the final norm
        table = states[layer].flatten(0, 1).double().numpy()
        shares = svdvals(table - table.mean(0)) ** 2
        shares /= shares.sum()
        assert found[("spectrum/rankme", layer, "")] == pytest.approx(
            np.exp(-(shares * np.log(shares)).sum()), rel=1e-5
        )
        assert found[("spectrum/participation_ratio", layer, "")] == pytest.approx(1 / (shares**2).sum(), rel=1e-5)
        unit = table / np.linalg.norm(table, axis=1, keepdims=True)
        count = len(unit)
        cosine = (np.square(unit.sum(0)).sum() - count) / (count * (count - 1))
        assert found[("spectrum/anisotropy", layer, "")] == pytest.approx(cosine, rel=1e-4, abs=1e-6)
    change = (states[1] - states[0]).norm(dim=-1) / states[0].norm(dim=-1)
    assert found[("updates/update_ratio", 0, "")] == pytest.approx(float(change.mean()), rel=1e-4)
    sample = reader.plan.sample
    one, two = (state[sample[:, 0], sample[:, 1]] for state in states[:2])
    exact = float(minibatch_cka(one, two, sample[:, 0]))
    assert found[("comparison/cka_next", 0, "")] == pytest.approx(exact, rel=1e-5)
    assert found[("comparison/linear_cka_next", 0, "")] == pytest.approx(float(linear_cka(one, two)), rel=1e-5)


def test_the_sampled_loss_and_lens_are_the_models_own() -> None:
    model = tiny.gpt2()
    reader = tiny.read(tiny.reader(model, tiny.spec(sample=900)))
    found = tiny.values(reader)
    sample = reader.store.sample()
    text = reader.plan.windows.batch(reader.plan.chosen)
    with torch.no_grad():
        logits = model(text).logits
    own = torch.nn.functional.cross_entropy(logits[sample.windows, sample.places], sample.targets)
    assert found[("model/loss", None, "")] == pytest.approx(float(own), rel=1e-4)
    assert found[("lens/kl", tiny.LAYERS, "")] == pytest.approx(0, abs=1e-6)
    assert found[("lens/overlap", tiny.LAYERS, "")] == pytest.approx(1)
    assert found[("lens/kl", 1, "")] > 0


def test_every_number_has_its_chance_level_or_interval() -> None:
    rows = Rows("tiny")
    reader = tiny.read(tiny.reader())
    reader.results(rows)
    chance = {row.metric for row in rows.rows if row.condition == "chance"}
    bounded = {row.metric for row in rows.rows if row.low is not None}
    for metric in ("spectrum/rankme", "spectrum/alpha", "collapse/cdnv", "updates/update_ratio", "lens/kl",
                   "comparison/cka_next", "recency/centred", "attention/norm_ratio", "spectrum/two_nn"):  # fmt: skip
        assert metric in bounded, metric
    for metric in ("spectrum/rankme", "collapse/nc4", "lens/overlap", "comparison/cka_next", "recency/centred"):
        assert metric in chance, metric
    for row in rows.rows:
        if row.low is not None and row.high is not None and row.low == row.low and row.metric != "attention/active":
            assert row.low <= row.value + 1e-9, row
            assert row.value <= row.high + 1e-9, row
    ranks = [row for row in rows.rows if row.metric == "spectrum/rankme" and row.condition == ""]
    assert all(row.high is not None and row.low is not None and row.high > row.low for row in ranks)


@pytest.mark.parametrize("shards", [2, 4])
def test_shards_agree_with_one_pass(shards: int) -> None:
    whole = tiny.values(tiny.read(tiny.reader()))
    merged = tiny.reader()
    for number in range(shards):
        part = tiny.reader()
        part.read(part.plan.shard(number, shards))
        merged.merge(part.state())
    found = tiny.values(merged)
    assert found.keys() == whole.keys()
    for key, value in whole.items():
        assert found[key] == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True), key


def test_an_interrupted_pass_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    whole = tiny.read(tiny.reader())
    first = tiny.reader()
    calls = iter(range(100))
    with pytest.raises(KeyboardInterrupt):
        first.read(range(first.plan.batches), save=tmp_path / "state.pt", stop=lambda: next(calls) >= 4)
    assert 0 < len(first.done) < first.plan.batches
    second = tiny.reader()
    second.load(tmp_path / "state.pt")
    assert second.done == first.done
    second.read(range(second.plan.batches))
    one, two = tiny.values(whole), tiny.values(second)
    assert one.keys() == two.keys()
    assert two == pytest.approx(one, rel=0, abs=0, nan_ok=True)


def test_states_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    reader = tiny.read(tiny.reader())
    with pytest.raises(RunError, match="batch 0 was read twice"):
        reader.merge(reader.state())
    damaged = tmp_path / "state.pt"
    damaged.write_bytes(b"nothing")
    with pytest.raises(RunError, match="the saved state cannot be read"):
        read_state(damaged)


def test_memory_that_does_not_suffice_is_one_line_with_what_would_fit() -> None:
    reader = tiny.reader()

    def fail(*_: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")

    reader._slab = fail  # type: ignore[assignment, method-assign]
    with pytest.raises(InputError) as caught:
        reader.read([0])
    assert "out of memory: --batch-tokens 128 needs about" in str(caught.value)
    assert "would fit" in str(caught.value)


def test_sinks_are_left_out_unless_they_are_asked_to_stay() -> None:
    model = tiny.gpt2(scale=1.0)
    with torch.no_grad():  # the first position's vector is enormous, as a sink's state is
        model.transformer.wpe.weight[0] = 0
        model.transformer.wpe.weight[0, 3] = 60.0
    out, kept = (
        tiny.values(tiny.read(tiny.reader(model))),
        tiny.values(tiny.read(tiny.reader(model, tiny.spec(keep_sinks=True)))),
    )
    assert out[("attention/windows_with_sink", None, "")] == 1
    assert out[("attention/left_out", None, "")] == pytest.approx(1 / tiny.CONTEXT, abs=1e-6)
    assert kept[("attention/left_out", None, "")] == 0
    assert out[("spectrum/rankme", 2, "")] > 2 * kept[("spectrum/rankme", 2, "")]
    assert out[("spectrum/tokens", None, "")] == 1024 * (1 - 1 / tiny.CONTEXT)


def test_attention_weights_are_read_only_when_asked_for() -> None:
    model = tiny.gpt2()
    asked = tiny.values(tiny.read(tiny.reader(model, tiny.spec(attention=True))))
    reader = tiny.reader(model)
    plain = tiny.values(tiny.read(reader))
    assert ("attention/first_token", 0, "") not in plain
    text = reader.plan.windows.batch(reader.plan.chosen)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        maps = model(text, output_attentions=True).attentions
    for layer, weights in enumerate(maps):
        assert asked[("attention/first_token", layer, "")] == pytest.approx(
            float(weights[:, :, 8:, 0].mean()), rel=1e-4
        )


def test_masked_models_leave_out_what_needs_a_next_token() -> None:
    reader = tiny.read(tiny.reader(tiny.bert()))
    found = tiny.values(reader)
    assert ("spectrum/rankme", 1, "") in found
    assert not any(metric.startswith(("collapse", "model")) for metric, _, _ in found)
