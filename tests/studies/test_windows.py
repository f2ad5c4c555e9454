from __future__ import annotations

from pathlib import Path

import pytest
import torch

from geomem.errors import InputError
from geomem.models.adapters import adapt
from geomem.studies.language_model import SMOKE_LM
from geomem.studies.windows import text_windows
from geomem.tasks.specs import TextSpec
from geomem.tasks.text import TextTask
from geomem.training.work import Work
from tests.probing import tiny


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    folder = tmp_path_factory.mktemp("windows")
    lm = SMOKE_LM.model_copy(update={"text": str(tiny.text_file(folder))})
    model = tiny.saved(tiny.gpt2(), folder / "model")
    return Work(function="m:f", settings={"lm": lm.model_dump(mode="json"), "model": str(model)})


def test_windows_are_those_of_the_split_spread_over_the_text(work: Work) -> None:
    adapter = adapt(tiny.gpt2())
    found = text_windows(work, adapter, "train", 6, 16)
    assert found.shape == (6, 16)
    spec = TextSpec.model_validate({"text": work.settings["lm"]["text"], "context": 16})
    every = TextTask(spec, 0, tiny.tokenizer()).windows["train"]
    tokens = every.batch(torch.arange(len(every))).tolist()
    places = [tokens.index(window) for window in found.tolist()]
    assert places == sorted(set(places))
    assert places[0] < len(tokens) / 6 <= len(tokens) * 5 / 6 <= places[-1] + 1
    assert torch.equal(found, text_windows(work.model_copy(update={"seed": 0}), adapter, "train", 6, 16))


def test_a_window_is_as_long_as_the_model_allows(work: Work) -> None:
    assert text_windows(work, adapt(tiny.gpt2()), "held_out", 2, 500).shape == (2, 64)
    longest = text_windows(work, adapt(tiny.gpt2()), "held_out", 10_000, 64)
    assert 1 < len(longest) < 10_000


def test_a_text_that_is_too_short_is_said(work: Work, tmp_path: Path) -> None:
    file = tmp_path / "short.txt"
    file.write_text("Emma Woodhouse, handsome. " * 4)
    lm = {**work.settings["lm"], "text": str(file)}
    with pytest.raises(InputError, match="fewer than one window"):
        text_windows(
            work.model_copy(update={"settings": {**work.settings, "lm": lm}}), adapt(tiny.gpt2()), "train", 1, 64
        )
