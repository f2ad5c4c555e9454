from __future__ import annotations

from pathlib import Path

import pytest
import torch

from geomem.errors import InputError
from geomem.probing.subject import find_series, open_subject, short_names, step_of
from tests.probing import tiny


def test_names_are_as_short_as_they_may_be() -> None:
    assert short_names(["/a/model"]) == ["model"]
    assert short_names(["/a/model", "/b/model"]) == ["a/model", "b/model"]
    assert short_names(["runs/x/checkpoint", "runs/y/checkpoint"]) == ["x", "y"]
    assert short_names(["same", "same"]) == ["same", "same (2)"]


def test_the_step_is_the_last_number_of_a_folder() -> None:
    assert step_of("run/step-001000") == 1000
    assert step_of("run2/main") is None


def test_a_series_is_found_in_the_order_of_its_steps(tmp_path: Path) -> None:
    for step in (1000, 2, 30):
        (tmp_path / f"step-{step}").mkdir()
    (tmp_path / "step-7").write_text("a file")
    found = find_series(str(tmp_path / "step-*"))
    assert [step for step, _ in found] == [2, 30, 1000]
    with pytest.raises(InputError, match="no folder matches; quote the pattern"):
        find_series(str(tmp_path / "nothing-*"))
    (tmp_path / "step-0030").mkdir()
    with pytest.raises(InputError, match="both name step 30"):
        find_series(str(tmp_path / "step-*"))
    (tmp_path / "other").mkdir()
    with pytest.raises(InputError, match="other names no step; expected a number at its end"):
        find_series(str(tmp_path / "o*"))


def test_a_checkpoint_is_opened_with_its_tokenizer_and_its_shape(tmp_path: Path) -> None:
    folder = tiny.saved(tiny.gpt2(), tmp_path / "m")
    subject = open_subject("m", str(folder), "cpu", "auto", None)
    shape = subject.shape
    assert (shape.layers, shape.width, shape.vocabulary, shape.heads) == (3, 16, 300, 2)
    assert shape.causal
    assert shape.head
    assert shape.maps
    assert subject.choices["dtype"].value == "float32"
    assert next(subject.model.parameters()).dtype == torch.float32
    assert subject.context(None) == 64
    with pytest.raises(InputError, match=r"--context 65: m takes windows of at most 64 tokens"):
        subject.context(65)


def test_what_is_wrong_with_a_checkpoint_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        open_subject("m", str(tmp_path / "nowhere"), "cpu", "auto", None)
    bare = tiny.saved(tiny.gpt2(), tmp_path / "bare", words=False)
    with pytest.raises(InputError, match="no tokenizer here"):
        open_subject("m", str(bare), "cpu", "auto", None)
    assert open_subject("m", str(bare), "cpu", "auto", str(tiny.saved(tiny.gpt2(), tmp_path / "words"))).tokenizer
    broken = tiny.gpt2()
    with torch.no_grad():
        broken.transformer.h[1].mlp.c_fc.weight[0, 0] = torch.nan
    with pytest.raises(InputError, match=r"transformer\.h\.1\.mlp\.c_fc\.weight"):
        open_subject("m", str(tiny.saved(broken, tmp_path / "nan")), "cpu", "auto", None)
