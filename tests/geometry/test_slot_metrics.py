from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from geomem.geometry.slot_metrics import auroc, delay_calibration, usefulness, waiting_pays

tokens = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.61, 0.9, 1.0]), st.booleans()), min_size=2)


@given(tokens)
def test_the_area_is_that_of_scikit_learn(given: list[tuple[float, bool]]) -> None:
    scores, positive = np.array([score for score, _ in given]), np.array([kind for _, kind in given])
    found = auroc(torch.from_numpy(scores), torch.from_numpy(positive))
    if len(set(positive.tolist())) < 2:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(roc_auc_score(positive, scores))


@given(tokens, st.integers(1, 12))
def test_calibration_is_its_definition(given: list[tuple[float, bool]], bins: int) -> None:
    total = 0.0
    for place in range(bins):
        inside = [(d, kind) for d, kind in given if min(int(d * bins), bins - 1) == place]
        if inside:
            mean = sum(d for d, _ in inside) / len(inside)
            share = sum(kind for _, kind in inside) / len(inside)
            total += len(inside) / len(given) * abs(mean - share)
    delay, pays = torch.tensor([d for d, _ in given], dtype=torch.float64), torch.tensor([kind for _, kind in given])
    assert delay_calibration(delay, pays, bins) == pytest.approx(total)


def test_calibration_at_its_ends() -> None:
    pays = torch.tensor([True, True, False, False])
    assert delay_calibration(pays.double(), pays) == 0.0
    assert delay_calibration((~pays).double(), pays) == 1.0
    assert delay_calibration(torch.full((4,), 0.5), pays) == 0.0


def test_usefulness_and_when_waiting_pays() -> None:
    p = torch.tensor([[0.2, 0.8, 0.9], [0.5, 0.4, 0.9], [0.5, 0.6, 0.6], [0.5, 0.53, 0.1]])
    found = usefulness(p, torch.tensor([True, False, True, False]))
    assert found.asked == pytest.approx((0.6 + 0.1) / 2)
    assert found.answered == pytest.approx((-0.1 + 0.03) / 2)
    assert found.difference == pytest.approx(0.385)
    assert waiting_pays(p, 0.9).tolist() == [True, False, True, False]
    assert waiting_pays(p, 1.0).tolist() == [True, False, True, True]
    assert math.isnan(usefulness(p, torch.ones(4, dtype=torch.bool)).answered)


def test_other_shapes_are_refused() -> None:
    for one, two in ((torch.zeros(2), torch.zeros(3, dtype=torch.bool)), (torch.zeros(0), torch.zeros(0).bool())):
        with pytest.raises(ValueError, match="expected two"):
            auroc(one, two)
        with pytest.raises(ValueError, match="expected two"):
            delay_calibration(one, two)
