from __future__ import annotations

from pathlib import Path

import pytest
import torch
from matplotlib.figure import Figure

from geomem.errors import InputError
from geomem.probing import probe
from tests.probing import tiny

SETTINGS = {"max_tokens": 512, "batch_tokens": 128, "context": 32, "sample": 100}


def test_a_model_in_memory_and_token_ids_are_enough() -> None:
    model = tiny.gpt2()
    found = probe(model, tiny.tokens(), measure=("spectrum", "updates"), controls=(), **SETTINGS)
    frame = found.to_frame()
    assert set(frame.columns) >= {"model", "condition", "layer", "step", "seed", "metric", "value", "low", "high"}
    own = frame[(frame.metric == "spectrum/rankme") & (frame.condition == "")]
    assert own.layer.tolist() == list(range(tiny.LAYERS + 1))
    assert found.profile("spectrum/rankme") == dict(zip(own.layer, own.value, strict=True))
    assert isinstance(found.plot(), Figure)
    shown = found._repr_html_()
    assert "<svg" in shown
    assert "3 blocks of width 16" in shown


def test_a_folder_and_a_text_file_give_the_same_as_the_model_itself(tmp_path: Path) -> None:
    folder = tiny.saved(tiny.gpt2(), tmp_path / "m")
    text = tiny.text_file(tmp_path)
    one = probe(folder, text, measure=("spectrum",), controls=("untrained",), **SETTINGS)
    two = probe(tiny.gpt2(), text, tokenizer=tiny.tokenizer(), measure=("spectrum",), controls=(), **SETTINGS)
    assert one.profile("spectrum/rankme") == pytest.approx(two.profile("spectrum/rankme"), rel=1e-9)
    assert one.profile("spectrum/rankme", "untrained")


def test_chosen_layers_get_the_numbers_they_have_among_all_of_them() -> None:
    measure = ("spectrum", "collapse", "updates", "lens", "attention", "comparison", "recency", "plan", "skips")
    some = probe(tiny.gpt2(), tiny.tokens(), measure=measure, controls=("shuffled",), layers=(2, 0), **SETTINGS)
    every = probe(tiny.gpt2(), tiny.tokens(), measure=measure, controls=("shuffled",), **SETTINGS)
    # What compares a layer with one that was not asked for, or weighs all of them, cannot be there.
    lost = ("comparison/cka_next", "comparison/linear_cka_next", "comparison/cka_last", "skips/depth_score")
    wanted = [row for row in every.rows if row.layer in (None, 0, 2) or row.metric.startswith("plan/")]
    wanted = [row for row in wanted if not row.metric.startswith(lost)]
    key = lambda row: (row.metric, row.condition, -1 if row.layer is None else row.layer)  # noqa: E731
    found = {key(row): row.value for row in some.rows}
    assert {row.layer for row in some.rows if not row.metric.startswith("plan/")} == {None, 0, 2}
    assert found == pytest.approx({key(row): row.value for row in wanted}, rel=1e-6, abs=1e-9, nan_ok=True)
    assert found["comparison/cka_first", "", 2] < 1
    assert any(note.startswith("measured at layers 0, 2 only") for note in some.notes)
    assert not any("logit lens" in note for note in some.notes)
    assert "<svg" in some._repr_html_()


def test_layers_that_are_not_there_are_one_line_and_the_last_is_no_block() -> None:
    with pytest.raises(InputError, match=r"--layers: there is no layer 4; layers are 0\.\.3"):
        probe(tiny.gpt2(), tiny.tokens(), measure=("knowledge",), controls=(), layers=(1, 4), **SETTINGS)
    found = probe(tiny.gpt2(), tiny.tokens(), measure=("skips", "lens"), controls=(), layers=(3,), **SETTINGS)
    assert "skips was left out: none of --layers 3 is a block" in found.notes
    assert set(found.profile("lens/kl")) == {3}


def test_what_does_not_fit_is_one_line() -> None:
    with pytest.raises(InputError, match="a text needs a tokenizer"):
        probe(tiny.gpt2(), "novels", controls=(), **SETTINGS)
    with pytest.raises(InputError, match=r"probe\.max_token: unknown key; did you mean 'max_tokens'"):
        probe(tiny.gpt2(), tiny.tokens(), max_token=3)
    with pytest.raises(InputError, match="did you mean 'spectrum'"):
        probe(tiny.gpt2(), tiny.tokens(), measure=("spectra",))
    bad = tiny.gpt2()
    with torch.no_grad():
        bad.transformer.wte.weight[3, 3] = torch.inf
    with pytest.raises(InputError, match=r"transformer\.wte\.weight"):
        probe(bad, tiny.tokens(), controls=(), **SETTINGS)
