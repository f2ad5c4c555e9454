from __future__ import annotations

import pytest
import torch

from geomem.probing.extra import Task
from geomem.probing.families.interventions import Decomposition, Erasure, Plan, Skips, some_windows
from geomem.probing.rows import Rows
from tests.probing import tiny


def _task(**changes: object) -> Task:
    settings = tiny.spec(**changes)
    return Task(tiny.subject(), "", settings, tiny.plan(settings))


def _said(name: str, done: int, total: int) -> None:
    assert name
    assert 0 <= done <= total


def test_windows_are_spread_over_those_of_the_pass_and_may_be_cut_in_pieces() -> None:
    task = _task()
    text = task.plan.windows.batch(task.plan.chosen)
    some = some_windows(task, 4, 20)
    assert torch.equal(some, text[[0, 8, 16, 24], :20])
    pieces = some_windows(task, 5, 16, pieces=True)
    assert pieces.shape == (5, 16)
    assert torch.equal(pieces[:2].flatten(), text[0])
    assert some_windows(task, 10**6, 10**6).shape == text.shape


def test_the_plan_is_run_and_priced_against_the_full_model() -> None:
    task, rows = _task(), Rows("tiny")
    Plan().measure(task, rows, _said)
    windows = some_windows(task, 8, 128)
    with torch.no_grad():
        full = task.subject.model(windows, labels=windows).loss
    assert rows.value("plan/loss") == pytest.approx(float(full), rel=1e-4)
    # Strong random blocks turn the stream: none may be left out, which is said.
    chosen = [row for row in rows.rows if row.metric.endswith("_chosen")]
    assert chosen or any("none is left out" in line for line in rows.lines)


def test_weak_blocks_are_left_out_at_little_cost() -> None:
    settings = tiny.spec()
    task = Task(tiny.subject(tiny.gpt2(scale=0.2)), "", settings, tiny.plan(settings))
    rows = Rows("tiny")
    Plan().measure(task, rows, _said)
    assert rows.value("plan/skip1_flops_saved") == pytest.approx(1 / 3)
    assert abs(rows.value("plan/skip1_loss_increase")) < 0.05
    assert sum(row.value for row in rows.rows if row.metric == "plan/skip1_chosen") == 1


def test_skips_and_erasure_give_rows_for_the_layers_asked_for() -> None:
    task, rows = _task(layers=(0, 2)), Rows("tiny")
    Skips().measure(task, rows, _said)
    Erasure().measure(task, rows, _said)
    for metric in ("skips/loss_increase", "skips/current_output_mean", "erasure/own"):
        assert {row.layer for row in rows.rows if row.metric == metric} == {0, 2}, metric


def test_too_little_text_for_a_bank_is_said() -> None:
    task, rows = _task(), Rows("tiny")
    Decomposition().measure(task, rows, _said)
    assert any("give more text" in line for line in rows.lines)
    assert rows.rows == []
