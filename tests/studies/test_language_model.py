from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from geomem.errors import InputError, RunError
from geomem.models.hub import open_checkpoint
from geomem.runs.tables import History
from geomem.studies.language_model import (
    LAPTOP_LM,
    MODEL,
    PAPER_LM,
    SIBLING,
    SMOKE_LM,
    SmallLM,
    lm_cells,
    reading_seconds,
    shared_lm,
    small_lm,
    subject,
    text_task,
)
from geomem.training.pool import Job, run_job
from geomem.training.progress import silent
from geomem.training.work import Work
from tests.contract.checks import check_cells
from tests.texts.samples import pages

FUNCTION = "tests.studies.shared_toy:look"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> SmallLM:
    file = tmp_path_factory.mktemp("lm") / "text.txt"
    file.write_text(pages(12_000), encoding="utf-8")
    return SmallLM(text=str(file), vocabulary=300, context=8, width=16, layers=2, heads=2, steps=100, batch=16, lr=0.01,
                   warmup=3, keep=3, keep_at=(20, 200))  # fmt: skip


@pytest.fixture(scope="module")
def trained(tiny: SmallLM, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "lm"
    run_job(Job(small_lm(tiny, 3), path, shared=True), silent)
    return path


def test_a_checkpoint_takes_time_by_its_weights(trained: Path, tmp_path: Path) -> None:
    weights = sum(one.numel() for one in open_checkpoint(trained / "checkpoint").parameters())
    one, two = (reading_seconds(str(trained), tokens) for tokens in (1e6, 2e6))
    assert one == pytest.approx(2e6 * weights / 4e10, rel=1e-6)
    assert two == pytest.approx(2 * one)
    (tmp_path / "four-bits.gguf").write_bytes(b"0" * 1000)
    assert reading_seconds(str(tmp_path / "four-bits.gguf"), 1e6) == pytest.approx(2e6 * 2000 / 4e10)
    with pytest.raises(InputError):
        reading_seconds(str(tmp_path / "nowhere"), 1e6)


def test_the_laptop_model_is_the_one_of_the_cards() -> None:
    own = LAPTOP_LM
    assert (own.width, own.layers, own.heads, own.context, own.vocabulary) == (96, 6, 4, 64, 1024)
    assert 0.85e6 < own.tokens < 0.95e6
    assert own.seconds < 300
    assert own.sibling.layers == 3
    assert own.sibling == own.model_copy(update={"layers": 3})
    assert {0, 1, 100, 900} <= set(own.kept)
    assert 12 <= len(own.kept) <= 20
    assert SMOKE_LM.seconds < 5


@pytest.mark.parametrize("own", [SMOKE_LM, LAPTOP_LM, PAPER_LM])
def test_a_recipe_is_a_gpt2_with_all_its_settings(own: SmallLM) -> None:
    spec = small_lm(own, 7)
    assert (spec.seed, spec.steps, spec.kept, spec.threads) == (7, own.steps, own.kept, 1)
    assert type(spec).model_validate(spec.model_dump(mode="json")) == spec
    model: Any = spec.model
    built = model.model_copy(update={"layers": 1}).build(own.vocabulary, 0)
    assert (built.config.model_type, built.config.n_embd) == ("gpt2", own.width)
    one_layer = own.model_copy(update={"layers": 1})
    assert sum(weight.numel() for weight in built.parameters() if weight.dim() > 1) == one_layer.weights


def test_steps_that_are_not_reached_are_not_kept(tiny: SmallLM) -> None:
    assert tiny.kept == (0, 1, 3, 10, 20, 100)


def test_cells_need_the_model_of_their_seed(tiny: SmallLM) -> None:
    cells = lm_cells("whole", FUNCTION, range(2), tiny, own={"k": 4}, cost=3.0, sibling=True)
    check_cells(cells, "here")
    assert [(cell.seed, cell.cost) for cell in cells] == [(0, 3.0), (1, 3.0)]
    for cell in cells:
        assert cell.needs == {MODEL: shared_lm(tiny, cell.seed), SIBLING: shared_lm(tiny.sibling, cell.seed)}
        assert isinstance(cell.spec, Work)
        assert cell.spec.settings["k"] == 4
    assert set(lm_cells("whole", FUNCTION, [0], tiny)[0].needs) == {MODEL}


def test_a_users_checkpoint_takes_the_models_place(tiny: SmallLM, trained: Path, tmp_path: Path) -> None:
    (cell,) = lm_cells("whole", FUNCTION, range(3), tiny, model=str(trained), sibling=True)
    check_cells([cell], "here")
    assert not cell.needs
    assert isinstance(cell.spec, Work)
    own = subject(cell.spec)
    assert own.folder == trained / "checkpoint"
    assert [step for step, _ in own.series] == list(tiny.kept)
    with pytest.raises(RunError, match="needs no training 'sibling'"):
        subject(cell.spec, SIBLING)
    (bare,) = lm_cells("whole", FUNCTION, [0], tiny, model=str(trained / "checkpoint"))
    assert isinstance(bare.spec, Work)
    assert subject(bare.spec).series == ()
    with pytest.raises(InputError, match=r"no config\.json"):
        lm_cells("whole", FUNCTION, [0], tiny, model=str(tmp_path))


def test_a_work_finds_its_model_and_the_text_in_its_tokens(tiny: SmallLM, trained: Path) -> None:
    (cell,) = lm_cells("whole", FUNCTION, [3], tiny)
    assert isinstance(cell.spec, Work)
    work = cell.spec.model_copy(update={"needs": {MODEL: str(trained)}})
    own, task = subject(work), text_task(work)
    model = open_checkpoint(own.folder)
    history = History.read(trained / "history.parquet")
    score = task.score(model)
    assert score["text/held_out/loss"] == pytest.approx(history.last("text/held_out/loss"), rel=1e-5)
    assert score["text/held_out/loss"] < task.chance["text/held_out/loss"] < math.log(300)
    first = small_lm(tiny, 3)
    same: Any = first.task
    assert torch.equal(same.build(3).windows["train"].tokens, task.windows["train"].tokens)
    assert text_task(work, context=5).windows["train"].context == 5
    steps, losses = history.series("text/held_out/loss")
    assert steps == list(tiny.kept)
    assert losses[-1] < losses[0] - 0.3
