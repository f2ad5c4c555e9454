from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold

from geomem.studies.representation_comparison.encoding import encoding_score, pearson
from tests.geometry.samples import normal


def test_pearson_against_numpy() -> None:
    one, two = normal(3, 40).numpy(), normal(3, 40, seed=1).numpy()
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(one, two, strict=True)]
    assert pearson(one, two) == pytest.approx(expected)
    assert pearson(np.ones((1, 5)), two[:1, :5]) == [0]


def test_linear_responses_are_predicted_and_shuffled_ones_are_not() -> None:
    features = normal(200, 12)
    exact, control = encoding_score(features, features @ normal(12, 5, seed=1))
    assert exact > 0.999
    assert abs(control) < 0.1
    noise, _ = encoding_score(features, normal(200, 5, seed=2))
    assert abs(noise) < 0.15
    half, _ = encoding_score(features, features @ normal(12, 5, seed=1) + 4 * normal(200, 5, seed=3))
    assert 0.3 < half < 0.95


def test_encoding_score_against_nested_validation_of_scikit_learn() -> None:
    """Other folds and other penalties: the same score within sampling error."""
    features = normal(300, 10)
    responses = features @ normal(10, 4, seed=1) + 3 * normal(300, 4, seed=2)
    x, y = features.numpy(), responses.numpy()
    found: list[float] = []
    for train, test in KFold(5, shuffle=True, random_state=0).split(x):
        model = RidgeCV(np.logspace(-3, 4, 15), alpha_per_target=True).fit(x[train], y[train])
        guess = model.predict(x[test])
        found += [np.corrcoef(guess[:, unit], y[test][:, unit])[0, 1] for unit in range(4)]
    assert encoding_score(features, responses)[0] == pytest.approx(np.mean(found), abs=0.02)
