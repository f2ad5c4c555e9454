from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import procrustes
from sklearn.linear_model import RidgeCV

from geomem.errors import InputError
from geomem.geometry.cka import LinearCKA
from geomem.geometry.procrustes import (
    held_out_map,
    latitude_longitude,
    measure_map_recovery,
    nuclear_similarity,
    pca_procrustes,
    procrustes_fit,
    procrustes_similarity,
    ridge_predictions,
    shape_distance,
    true_coordinates,
)
from tests.geometry.samples import normal, rotation


@pytest.mark.parametrize("seed", range(3))
def test_disparity_against_scipy(seed: int) -> None:
    points, targets = normal(30, 3, seed=seed), normal(30, 3, seed=seed + 10)
    targets[:, 0] += 2 * points[:, 1]
    found = procrustes_fit(points, targets)
    assert found.disparity == pytest.approx(procrustes(targets.numpy(), points.numpy())[2])
    error = (found.fitted - targets).square().sum() / (targets - targets.mean(0)).square().sum()
    assert float(error) == pytest.approx(found.disparity)
    assert torch.allclose(found.rotation @ found.rotation.T, torch.eye(3, dtype=torch.float64))


def test_a_turned_scaled_shifted_reflected_copy_fits_exactly() -> None:
    points = normal(30, 3)
    turn = rotation(3) * torch.tensor([-1.0, 1.0, 1.0])
    found = procrustes_fit(points, 7 * points @ turn + 3)
    assert found.disparity == pytest.approx(0, abs=1e-12)
    assert found.scale == pytest.approx(7)
    assert torch.allclose(found.rotation, turn)


def test_similarity_of_representations_against_scipy_and_the_fit() -> None:
    x, y = normal(30, 4) + 1, normal(30, 4, seed=1)
    y[:, :2] += x[:, :2]
    similarity = float(procrustes_similarity(x, y))
    assert 1 - similarity**2 == pytest.approx(procrustes(x.numpy(), y.numpy())[2])
    assert 1 - similarity**2 == pytest.approx(procrustes_fit(x, y).disparity)
    assert float(shape_distance(x, y)) == pytest.approx(math.acos(similarity))
    # Of two widths: the narrower side is padded with zeros.
    padded = torch.nn.functional.pad(y[:, :2], (0, 2))
    assert 1 - float(procrustes_similarity(x, y[:, :2])) ** 2 == pytest.approx(procrustes_fit(padded, x).disparity)


def test_similarity_of_representations_streamed_or_wider_than_their_stimuli() -> None:
    x, y = normal(12, 30) @ normal(30, 30, seed=3), normal(12, 40, seed=1)
    y[:, :30] += x
    expected = torch.linalg.svdvals((x - x.mean(0)).T @ (y - y.mean(0))).sum()
    norms = (x - x.mean(0)).norm() * (y - y.mean(0)).norm()
    assert float(procrustes_similarity(x, y)) == pytest.approx(float(expected / norms))
    stream = LinearCKA(30, 40)
    stream.update(x[:5], y[:5])
    stream.update(x[5:], y[5:])
    first, second, cross = stream.covariances()
    streamed = nuclear_similarity(cross, first.trace(), second.trace())
    assert float(streamed) == pytest.approx(float(expected / norms))


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 20), st.integers(1, 6), st.integers(1, 6), st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_shape_distance_is_a_metric_of_shapes(count: int, first: int, second: int, seed: int, scale: float) -> None:
    x, y, z = (normal(count, width, seed=seed + k) for k, width in enumerate((first, second, 4)))
    distance = float(shape_distance(x, y))
    assert 0 <= distance <= math.pi / 2
    assert float(shape_distance(x, scale * y @ rotation(second, seed) + 3)) == pytest.approx(distance, abs=1e-6)
    assert float(shape_distance(y, x)) == pytest.approx(distance, abs=1e-6)
    assert float(shape_distance(x, -2 * x)) == pytest.approx(0, abs=1e-5)
    assert distance <= float(shape_distance(x, z)) + float(shape_distance(z, y)) + 1e-6


def test_a_representation_without_variance_is_like_none() -> None:
    assert float(procrustes_similarity(normal(9, 3), torch.full((9, 3), 0.1))) == 0
    assert float(shape_distance(torch.ones(9, 3), torch.ones(9, 3))) == pytest.approx(math.pi / 2)
    with pytest.raises(InputError, match="at least 2 stimuli"):
        procrustes_similarity(normal(1, 3), normal(1, 3))


def test_collapsed_points_explain_nothing() -> None:
    assert procrustes_fit(torch.ones(9, 2), normal(9, 2)).disparity == 1
    assert pca_procrustes(torch.ones(9, 1), normal(9, 2)).disparity == 1


def test_sphere_and_back() -> None:
    places = torch.tensor([[0.0, 0.0], [90.0, 0.0], [0.0, 90.0], [-33.9, 151.2], [47.9, 106.9]])
    space = true_coordinates(places, "sphere")
    assert torch.allclose(space[:3], torch.eye(3, dtype=torch.float64)[[0, 2, 1]], atol=1e-12)
    assert torch.allclose(space.norm(dim=1), torch.ones(5, dtype=torch.float64))
    assert torch.allclose(latitude_longitude(3 * space)[3:], places[3:].double(), atol=1e-5)
    # Neighbours across the date line are near in space, though their longitudes differ by 358 degrees.
    line = true_coordinates(torch.tensor([[0.0, 179.0], [0.0, -179.0]]), "sphere")
    assert float((line[0] - line[1]).norm()) < 0.04
    with pytest.raises(InputError, match="latitude and longitude"):
        true_coordinates(normal(4, 3), "sphere")


@pytest.mark.parametrize("width", [5, 60])
def test_ridge_against_scikit_learn(width: int) -> None:
    train, test, targets = normal(40, width).numpy(), normal(9, width, seed=1).numpy(), normal(40, 2, seed=2).numpy()
    targets[:, 0] += train[:, 0]
    top = np.linalg.svd(train - train.mean(0), compute_uv=False)[0] ** 2
    oracle = RidgeCV(alphas=top * np.logspace(-6, 2, 17)).fit(train, targets)
    found = ridge_predictions(train, np.stack([targets, targets[::-1]]), test)
    assert np.allclose(found[0], oracle.predict(test), atol=1e-8)


def test_a_map_beside_louder_dimensions_is_found_by_ridge_only() -> None:
    places = normal(100, 2)
    table = torch.cat([places, 5 * normal(100, 6, seed=1)], dim=1) @ rotation(8)
    found = measure_map_recovery(table.float(), places)
    assert found["ridge_r2"] > 0.95
    assert found["ridge_r2_low"] <= found["ridge_r2"] <= found["ridge_r2_high"]
    assert found["ridge_r2_control_high"] < 0.1
    assert found["procrustes_r2"] < 0.3
    loud = measure_map_recovery(10 * places @ rotation(8)[:2] + 0.1 * normal(100, 8, seed=2), places)
    assert loud["procrustes_r2"] > 0.9
    assert loud["procrustes_r2_control_high"] < 0.3


def test_random_embeddings_find_no_map_even_with_more_dimensions_than_nodes() -> None:
    found = measure_map_recovery(normal(60, 200), normal(60, 2, seed=1))
    assert found["ridge_r2"] < 0.1


def test_each_node_is_predicted_by_a_fit_that_did_not_see_it() -> None:
    table, places = normal(40, 4), normal(40, 2, seed=1)
    found = held_out_map(table, places, shuffles=2)
    moved = places.clone()
    moved[7] += 1e6
    again = held_out_map(table, moved, shuffles=2)
    assert torch.allclose(found.predicted[7], again.predicted[7])
    assert torch.equal(held_out_map(table, places, shuffles=2).predicted, found.predicted)


def test_nodes_without_coordinates_are_left_out() -> None:
    places = normal(40, 2)
    places[[3, 5], 0] = torch.nan
    found = measure_map_recovery(places.nan_to_num(), places)
    assert found["nodes"] == 38
    assert found["ridge_r2"] > 0.99


def test_bad_input() -> None:
    with pytest.raises(InputError, match="at least 10 nodes"):
        held_out_map(normal(9, 2), normal(9, 2))
    with pytest.raises(InputError, match="same place"):
        held_out_map(normal(20, 2), torch.ones(20, 2))
    with pytest.raises(InputError, match="same place"):
        procrustes_fit(normal(20, 2), torch.ones(20, 2))
