from __future__ import annotations

import pytest
import torch

from geomem.errors import InputError
from geomem.interventions.skip import skip_blocks
from geomem.models.adapters import adapt
from geomem.probing.rerun import score_windows
from geomem.probing.skip_plan import check_plans
from tests.interventions.models import random_tokens, tiny_gpt2

SIMILARITY = torch.tensor([0.3, 0.96, 0.99, 0.97, 0.995, 0.98])


@torch.no_grad()
def test_the_plan_and_its_control_are_run_as_they_are() -> None:
    model, tokens = tiny_gpt2(layers=6), random_tokens(8, 12)
    adapter = adapt(model)
    rows = check_plans(adapter, tokens, SIMILARITY, budgets=(2,), batch_tokens=30)
    full = score_windows(adapter, tokens)
    for name, skipped in (("", [2, 4]), ("contiguous_", [4, 5])):
        with skip_blocks(model.transformer.h, skipped):
            found = score_windows(adapter, tokens)
        increase = float((found[:, 0] - full[:, 0]).sum() / full[:, 2].sum())
        assert rows.value(f"plan/skip2_{name}loss_increase") == pytest.approx(increase, rel=1e-5)
        ratio = float(found[:, 0].sum() / full[:, 0].sum())
        assert rows.value(f"plan/skip2_{name}loss_ratio") == pytest.approx(ratio, rel=1e-5)
        kept = float(found[:, 1].sum() / full[:, 1].sum())
        assert rows.value(f"plan/skip2_{name}retention") == pytest.approx(kept, rel=1e-5)
    assert [rows.value("plan/skip2_chosen", block) for block in range(6)] == [0, 0, 1, 0, 1, 0]
    assert rows.value("plan/skip2_flops_saved") == pytest.approx(2 / 6)
    assert rows.value("plan/loss") == pytest.approx(float(full[:, 0].sum() / full[:, 2].sum()), rel=1e-5)
    better = rows.value("plan/skip2_loss_ratio") < rows.value("plan/skip2_contiguous_loss_ratio")
    assert (rows.value("plan/skip2_share") > 0.5) == better
    assert 0 <= rows.value("plan/skip2_random_share") <= 1
    assert rows.lines == ["plan: without blocks 2, 4 of 6"]
    increase = next(row for row in rows.rows if row.metric == "plan/skip2_loss_increase")
    assert increase.low is not None
    assert increase.low < increase.value


def test_a_budget_above_the_candidates_gives_their_plan_once() -> None:
    seen: list[tuple[int, int]] = []
    rows = check_plans(
        adapt(tiny_gpt2(layers=6)), random_tokens(2, 8), SIMILARITY, budgets=(2, 4, 6, 8), sets=3,
        progress=lambda *done: seen.append(done),
    )  # fmt: skip
    assert rows.lines == ["plan: without blocks 2, 4 of 6"]
    assert seen == [(done, 6) for done in range(1, 7)]
    again = check_plans(adapt(tiny_gpt2(layers=6)), random_tokens(2, 8), SIMILARITY, sets=3)
    assert str(again) == str(rows)


def test_no_candidates() -> None:
    rows = check_plans(adapt(tiny_gpt2()), random_tokens(2, 8), torch.full((4,), 0.9))
    assert rows.lines == ["plan: no block passes its input on with a cosine above 0.95, so none is left out"]
    assert {row.metric for row in rows.rows} == {"plan/loss", "plan/accuracy"}


def test_bad_input() -> None:
    with pytest.raises(InputError, match="plan: the model has 4 blocks, the similarity 6 numbers"):
        check_plans(adapt(tiny_gpt2()), random_tokens(2, 8), SIMILARITY)
