from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from geomem.models.hub import open_checkpoint
from geomem.runs.directory import Run
from geomem.runs.tables import Measurement, select
from geomem.spec import validate
from geomem.studies.checkpoints import open_adapter, visit
from geomem.studies.evidence import Evidence
from geomem.studies.language_model import MODEL, subject
from geomem.studies.representation_phases.course import (
    ALPHA,
    LOSS,
    PHASE,
    RANKME,
    Question,
    alignment,
    numbers_at,
    phase_rows,
    run_course,
    token_log_probabilities,
)
from geomem.studies.representation_phases.settings import SMOKE
from geomem.training.progress import Event, silent
from geomem.training.work import Work


@pytest.fixture(scope="module")
def work(phases_run: Run) -> Work:
    cell = Run.open(phases_run.path / "cells" / "language-model" / "course" / "seed-0")
    return validate(Work, cell.info.spec)


def test_every_checkpoint_is_visited_once_in_the_order_of_training(work: Work) -> None:
    said: list[Event] = []
    steps = [snapshot.step for snapshot, _ in visit(work, said.append)]
    assert steps == list(SMOKE.lm.kept)
    assert [(event.step, event.steps) for event in said] == [(place, len(steps)) for place in range(len(steps))]


def test_a_run_that_the_user_names_is_followed_too(work: Work) -> None:
    told = {**work.settings, "model": str(work.run_of(MODEL).path)}
    named = work.model_copy(update={"settings": told, "needs": {}})
    assert [snapshot.step for snapshot, _ in visit(named, silent)] == list(SMOKE.lm.kept)


def test_numbers_are_those_of_a_dense_computation(work: Work) -> None:
    folder = subject(work).series[-1][1]
    adapter: Any = open_adapter(folder, work)
    question = Question.of(work, adapter)
    rows = {(row.metric, row.layer): row for row in numbers_at(adapter, question, 40)}
    assert all(row.step == 40 for row in rows.values())
    model: Any = open_checkpoint(folder)
    with torch.no_grad():
        hidden = model(question.read.batch(question.index), output_hidden_states=True).hidden_states
        logits = model(question.tokens).logits.double().log_softmax(-1)
    for key, states in (
        ((RANKME, None), hidden[-1]),
        (("streams/rankme", 0), hidden[0]),
        (("streams/rankme", 3), hidden[3]),
    ):
        table = states[:, -1].double().numpy()
        values = np.linalg.svd(table - table.mean(0), compute_uv=False) ** 2
        shares = values / values.sum()
        assert rows[key].value == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), rel=1e-5)
    low, high = rows[RANKME, None].low, rows[RANKME, None].high
    assert low is not None
    assert high is not None
    assert low < rows[RANKME, None].value < high
    found = logits[:, :-1].gather(-1, question.tokens[:, 1:, None])[..., 0]
    assert rows[LOSS, None].value == pytest.approx(-float(found.mean()), rel=1e-5)
    for order in (1, 3):
        expected = question.expected[order - 1][:, 2:]
        kept = ~expected.isnan()
        rho = stats.spearmanr(found[:, 1:][kept].numpy(), expected[kept].numpy()).statistic
        assert rows[alignment(order), None].value == pytest.approx(rho, abs=1e-6)


def test_the_first_token_of_a_window_has_no_probability(work: Work) -> None:
    adapter = open_adapter(subject(work).folder, work)
    tokens = Question.of(work, adapter).tokens[:5]
    found = token_log_probabilities(adapter, tokens, 32)
    assert found[:, 0].isnan().all()
    assert (found[:, 1:] < 0).all()
    torch.testing.assert_close(found[1:2], token_log_probabilities(adapter, tokens[1:2], 4096), equal_nan=True)


def test_windows_are_no_longer_than_the_model_takes(work: Work) -> None:
    probe = {**work.settings["probe"], "context": 99}
    longer = work.model_copy(update={"settings": {**work.settings, "probe": probe}})
    assert Question.of(longer, open_adapter(subject(work).folder, work)).tokens.shape[1] == 16


def course(*points: tuple[int, float, float]) -> list[Measurement]:
    return [Measurement(metric=metric, step=step, value=value, low=value, high=value)
            for step, rank, alpha in points for metric, value in ((RANKME, rank), (ALPHA, alpha))]  # fmt: skip


def test_phases_become_rows() -> None:
    found = phase_rows(course((0, 50.0, 0.5), (10, 5.0, 2.0), (500, 20.0, 1.0), (1000, 15.0, 1.5)))
    changes = select(found, metric=PHASE)
    assert [row.condition for row in changes] == ["warmup", "entropy-seeking", "compression-seeking"]
    assert [row.step for row in changes] == [10, 500, 1000]
    assert [row.value for row in changes] == pytest.approx([-0.9, 3.0, -0.25])
    assert [row.value for row in select(found, metric="phases/start")] == [0, 10, 500]
    assert [row.value for row in select(found, metric="phases/alpha")] == pytest.approx([1.5, -1.0, 0.5])
    assert phase_rows([]) == []


def test_a_model_alone_is_shown_beside_its_untrained_twin(work: Work, tmp_path: Path) -> None:
    alone = work.model_copy(update={"settings": {**work.settings, "model": str(subject(work).folder)}, "needs": {}})
    rows = list(run_course(alone, None, silent).rows)  # pyright: ignore[reportArgumentType]
    assert {row.step for row in rows} == {None}
    trained, untrained = (select(rows, metric=LOSS, condition=name)[0].value for name in ("", "untrained"))
    assert trained < untrained - 0.3
    assert untrained == pytest.approx(math.log(300), rel=0.05)
    assert not select(rows, metric=PHASE)


def test_the_run_kept_the_course(phases_evidence: dict[str, Evidence]) -> None:
    evidence = phases_evidence["language-model"]
    steps, losses = evidence.series("course", 0, LOSS)
    assert steps[0] == 0
    assert losses[-1] < losses[0] - 0.3
    assert 0 < evidence.measured("course", "text/kept_by_ngrams")[0] <= 1
