from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.geometry.skipping import plan_skips
from geomem.models.adapters import adapt
from geomem.probing.rows import Rows
from geomem.studies.layer_skipping.decoding import decode_with_and_without_cache
from geomem.studies.layer_skipping.influence import draw_questions, influences
from geomem.studies.layer_skipping.plans import Scores, measure_plans, neighbours, random_plans, restart, sizes
from geomem.studies.layer_skipping.settings import Plans
from geomem.studies.layer_skipping.streams import read_streams
from tests.probing import tiny


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20), st.integers(1, 20), st.floats(-1, 1))
@settings(deadline=None, max_examples=60)
def test_a_plan_never_holds_neighbours(values: list[float], count: int, threshold: float) -> None:
    plan = plan_skips(torch.tensor(values, dtype=torch.float64), min(count, len(values)), threshold)
    assert neighbours(plan.layers) == 0
    assert all(values[layer] > threshold for layer in plan.layers)


def test_neighbours_are_counted_and_sizes_fit() -> None:
    assert neighbours((1, 2, 3, 7)) == 2
    assert neighbours(()) == 0
    assert sizes((1, 2, 3, 4), 6) == (1, 2, 3)
    assert random_plans(300, 0) == {"rule/neighbours": 0.0, "rule/missed": 0.0}


def _windows() -> torch.Tensor:
    return tiny.tokens(16 * 32).long().reshape(16, 32)


def test_a_weak_networks_layers_are_planned_priced_and_restarted() -> None:
    adapter = adapt(tiny.gpt2(scale=0.2))
    windows, rows = _windows(), Rows("")
    plans = Plans(budgets=(1, 2), windows=16, restarts=6, random_sets=2)
    similarity = read_streams(adapter, windows, 16, 256).similarity
    assert similarity.shape == (16, tiny.LAYERS)
    scores = Scores(adapter, windows, None, 256)
    measure_plans(scores, similarity, plans, rows, 0)
    assert rows.value("plan/neighbours") == 0
    assert 0 <= rows.value("restarts/skip1_share") <= 1
    full = scores.without(())
    for layer in range(tiny.LAYERS):
        ratio = float(scores.without((layer,))[:, 0].sum() / full[:, 0].sum())
        assert rows.value("skips/loss_ratio", layer) == pytest.approx(ratio, rel=1e-5)


def test_a_size_without_a_plan_in_most_restarts_has_no_share() -> None:
    adapter, windows = adapt(tiny.gpt2()), _windows()
    share, planned = restart(Scores(adapter, windows, None, 256), torch.zeros(16, tiny.LAYERS), 1, Plans(restarts=4), 0)
    assert math.isnan(share)
    assert planned == 0


def test_decoding_without_a_layer_is_the_same_with_a_cache_and_differs_from_the_full_model() -> None:
    adapter = adapt(tiny.gpt2())
    found = decode_with_and_without_cache(adapter, _windows()[:3, :6], (1,), 5)
    assert found["decoding/cached_same"] == 1
    assert found["decoding/full_same"] < 1
    assert next(adapter.model.parameters()).dtype == torch.float32


def test_influence_is_the_total_variation_of_one_prediction_when_one_token_changes() -> None:
    adapter, windows = adapt(tiny.gpt2()), _windows()
    questions = draw_questions(windows, (1, 4), 0.15, 0)
    found = influences(adapter, windows, questions, None, 128)
    row = 3
    target = int(questions.targets[row])
    changed = windows[row].clone()
    changed[target - 4] = questions.others[row, 1]
    with torch.no_grad():
        logits = adapter.model(torch.stack([windows[row], changed])).logits[:, target - 1].softmax(-1)
    assert float(found[row, 1]) == pytest.approx(float((logits[0] - logits[1]).abs().sum() / 2), rel=1e-4)
    assert bool((questions.others != windows.gather(1, questions.targets[:, None] - torch.tensor([1, 4]))).all())
