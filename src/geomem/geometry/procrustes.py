"""How far the true map of the nodes, where they have coordinates, is in their embeddings.

Two answers. Procrustes: the leading principal components, turned, scaled and shifted onto the map; it asks whether the
map is what the embeddings mostly are. Ridge: the best linear map from all dimensions, judged on nodes it was not
fitted on; it asks whether the map is in there at all, since the leading components need not be it. Both beside the same
with the nodes shuffled. Coordinates are for measuring only, never for training.

The same fit between two representations of the same stimuli, of any two widths, is a distance between them: the shape
distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.measurement import Measurement
from geomem.geometry.paired import centred_pair
from geomem.geometry.pictures import pca
from geomem.seeding import numpy_generator

Array = NDArray[np.float64]
CoordinateKind = Literal["plane", "sphere"]


def true_coordinates(coordinates: Float[Tensor, "n k"], coordinate_kind: CoordinateKind) -> Float[Tensor, "n j"]:
    """Return what embeddings are fitted to, float64.

    Plane coordinates as they are; latitude and longitude in degrees as unit vectors in space (N, 3), where nearness
    does not break at the date line. Raises InputError for a sphere without exactly two columns.
    """
    if coordinate_kind == "plane":
        return coordinates.double()
    if coordinates.shape[1] != 2:
        raise InputError(f"coordinates: a sphere needs latitude and longitude, got {coordinates.shape[1]} columns")
    latitude, longitude = coordinates.double().deg2rad().unbind(1)
    flat = latitude.cos()
    return torch.stack([flat * longitude.cos(), flat * longitude.sin(), latitude.sin()], dim=1)


def latitude_longitude(points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 2"]:
    """Return latitude and longitude in degrees of the directions of points in space (the inverse for drawing)."""
    x, y, z = points.double().unbind(1)
    return torch.stack([torch.atan2(z, torch.hypot(x, y)), torch.atan2(y, x)], dim=1).rad2deg()


@dataclass(frozen=True)
class ProcrustesFit:
    """disparity: 1 - R^2, as in scipy.spatial.procrustes. rotation: (k, k). scale. fitted: (N, k) on the true map."""

    disparity: float
    rotation: Float[Tensor, "k k"]
    scale: float
    fitted: Float[Tensor, "n k"]


def procrustes_fit(points: Float[Tensor, "n k"], targets: Float[Tensor, "n k"]) -> ProcrustesFit:
    """Fit points to targets by a shift, one scale and an orthogonal matrix (reflections allowed), least squares.

    disparity is the unexplained share of the targets' variance, in [0, 1]; constant points explain nothing (1).
    Raises InputError when all targets are equal.
    """
    goal, start = targets.double(), points.double()
    centre = goal.mean(0)
    goal, start = goal - centre, start - start.mean(0)
    spread, own = goal.square().sum(), start.square().sum()
    if float(spread) == 0:
        raise InputError("coordinates: all nodes are at the same place, so there is no map to fit")
    left, singular, right = torch.linalg.svd(start.T @ goal)
    rotation = left @ right
    scale = float(singular.sum() / own) if float(own) > 0 else 0.0
    explained = float(singular.sum().square() / (own * spread)) if float(own) > 0 else 0.0
    return ProcrustesFit(max(0.0, 1 - explained), rotation, scale, scale * (start @ rotation) + centre)


def pca_procrustes(embeddings: Float[Tensor, "n m"], targets: Float[Tensor, "n k"]) -> ProcrustesFit:
    """Fit the first k principal components of the embeddings to the (N, k) targets; fewer are padded with zeros."""
    wanted = targets.shape[1]
    points = pca(embeddings, min(wanted, *embeddings.shape)).points
    padded = torch.nn.functional.pad(points, (0, wanted - points.shape[1]))
    return procrustes_fit(padded, targets.to(padded.device))


def procrustes_similarity(first: Float[Tensor, "n p"], second: Float[Tensor, "n q"]) -> Float[Tensor, ""]:
    """Return |X^T Y|_* / (|X| |Y|) of two representations, columns centred: 1 when one turns into the other.

    |.|_* is the sum of singular values, what the best orthogonal map reaches (the narrower side padded with zeros);
    the disparity of `procrustes_fit` is 1 less its square. In [0, 1], 0 when a side does not vary. Unrelated data is
    not at 0: the level grows as stimuli get fewer. Source: Ding et al., arXiv 2108.01661, Section 2.
    Raises InputError for different stimuli, fewer than two, or values that are not finite.
    """
    x, y = centred_pair(first, second)
    # A side wider than its stimuli is given by its coordinates in its own row space; the singular values are the same.
    x, y = (side if side.shape[1] <= len(side) else torch.linalg.qr(side.T).R.T for side in (x, y))
    return nuclear_similarity(x.T @ y, x.square().sum(), y.square().sum())


def nuclear_similarity(
    cross: Float[Tensor, "p q"], first: Float[Tensor, ""], second: Float[Tensor, ""]
) -> Float[Tensor, ""]:
    """Return the same from X^T Y and the squared norms |X|^2 and |Y|^2 of centred rows (streaming: `LinearCKA`)."""
    norms = first.clamp(min=0).sqrt() * second.clamp(min=0).sqrt()
    reached = torch.linalg.svdvals(cross.double()).sum() / norms.where(norms > 0, 1.0)
    return torch.where(norms > 0, reached.clamp(max=1), 0.0)


def shape_distance(first: Float[Tensor, "n p"], second: Float[Tensor, "n q"]) -> Float[Tensor, ""]:
    """Return the angle between two representations after the best turn, arccos of `procrustes_similarity`, radians.

    A metric (triangle inequality) on representations up to shift, scale and rotation or reflection, from 0 to pi/2.
    Source: Williams et al., arXiv 2110.14739, Section 2. Raises InputError as `procrustes_similarity`.
    """
    return procrustes_similarity(first, second).arccos()


@dataclass(frozen=True)
class MapFit:
    """r2: held-out R^2 with its 95 % interval over nodes; control: mean and largest R^2 with the nodes shuffled.

    predicted: (N, k) coordinates of every node, each from a fit that did not see it.
    """

    r2: float
    low: float
    high: float
    control: float
    control_high: float
    predicted: Float[Tensor, "n k"]


def held_out_map(
    embeddings: Float[Tensor, "n m"],
    targets: Float[Tensor, "n k"],
    *,
    folds: int = 5,
    shuffles: int = 20,
    resamples: int = 500,
    seed: int = 0,
) -> MapFit:
    """Predict coordinates of nodes from their embeddings by ridge regression, cross-validated over nodes.

    The penalty is chosen inside each training fold by leave-one-out error, from 17 values around the largest squared
    singular value. R^2 = 1 - squared error / squared error of the training mean, pooled over nodes and coordinates;
    below 0 when worse than the mean. Neighbours share borders, so R^2 includes what a node's neighbours tell.
    Raises InputError for fewer than two nodes a fold, or when all targets are equal.
    """
    table, goal = (side.detach().double().cpu().numpy() for side in (embeddings, targets))
    count = len(table)
    if count < 2 * folds:
        raise InputError(f"map: {folds} folds need at least {2 * folds} nodes with coordinates, got {count}")
    if np.ptp(goal, axis=0).max() == 0:
        raise InputError("coordinates: all nodes are at the same place, so there is no map to fit")
    generator = numpy_generator(seed, "map-recovery")
    parts = np.array_split(generator.permutation(count), folds)
    orders = [np.arange(count), *(generator.permutation(count) for _ in range(shuffles))]
    goals = np.stack([goal[order] for order in orders])
    predicted, means = np.zeros_like(goals), np.zeros_like(goals)
    for held_out in parts:
        train = np.setdiff1d(np.arange(count), held_out)
        means[:, held_out] = goals[:, train].mean(axis=1, keepdims=True)
        predicted[:, held_out] = ridge_predictions(table[train], goals[:, train], table[held_out])
    error, base = (np.square(goals - guess).sum(axis=2) for guess in (predicted, means))
    scores = 1 - error.sum(axis=1) / base.sum(axis=1)
    drawn = generator.integers(0, count, (resamples, count))
    low, high = np.quantile(1 - error[0][drawn].sum(axis=1) / base[0][drawn].sum(axis=1), [0.025, 0.975])
    control = scores[1:] if shuffles else np.zeros(1)
    own = torch.from_numpy(predicted[0].copy())
    return MapFit(float(scores[0]), float(low), float(high), float(control.mean()), float(control.max()), own)


def ridge_predictions(train: Array, targets: Array, test: Array) -> Array:
    """Return ridge predictions for several target sets at once, each with its own leave-one-out penalty.

    train: (n, m); targets: (s, n, k); test: (t, m); result (s, t, k). The intercept is not penalised.
    """
    shift, level = train.mean(axis=0), targets.mean(axis=1, keepdims=True)
    left, scale, right = np.linalg.svd(train - shift, full_matrices=False)
    onto = left.T @ (targets - level)
    top = scale[0] ** 2
    if top == 0:
        return np.broadcast_to(level, (len(targets), len(test), targets.shape[2])).copy()
    penalties = top * np.logspace(-6, 2, 17)
    errors = np.zeros((len(penalties), len(targets)))
    for row, penalty in enumerate(penalties):
        shrink = scale**2 / (scale**2 + penalty)
        leverage = 1 / len(train) + np.square(left) @ shrink
        rest = targets - level - left @ (shrink[:, None] * onto)
        errors[row] = np.square(rest / np.maximum(1 - leverage, 1e-12)[:, None]).sum(axis=(1, 2))
    best = penalties[errors.argmin(axis=0)]
    filters = scale / (scale**2 + best[:, None])
    return level + ((test - shift) @ right.T) @ (filters[:, :, None] * onto)


def measure_map_recovery(
    embeddings: Float[Tensor, "n m"], coordinates: Float[Tensor, "n k"], coordinate_kind: CoordinateKind = "plane"
) -> dict[str, float]:
    """Return held-out ridge R^2 and Procrustes R^2 of the true map, each beside the same with the nodes shuffled.

    Nodes with a coordinate that is not finite are left out.
    """
    known = coordinates.isfinite().all(dim=1)
    targets = true_coordinates(coordinates[known], coordinate_kind).cpu()
    table = embeddings.detach().cpu()[known.cpu()]
    ridge = held_out_map(table, targets)
    fit = pca_procrustes(table, targets)
    points = pca(table, min(targets.shape[1], *table.shape)).points
    generator = numpy_generator(0, "map-recovery", "procrustes")
    orders = [torch.from_numpy(generator.permutation(len(targets))) for _ in range(20)]
    control = [1 - pca_procrustes(points, targets[order]).disparity for order in orders]
    return {
        "ridge_r2": ridge.r2,
        "ridge_r2_low": ridge.low,
        "ridge_r2_high": ridge.high,
        "ridge_r2_control": ridge.control,
        "ridge_r2_control_high": ridge.control_high,
        "procrustes_r2": 1 - fit.disparity,
        "procrustes_r2_control": float(np.mean(control)),
        "procrustes_r2_control_high": max(control),
        "nodes": float(len(targets)),
    }


MAP_RECOVERY = Measurement(
    name="map-recovery",
    function=measure_map_recovery,
    source="arXiv 2510.26745 (geometry reflects the graph); Gower 1975 for the Procrustes fit",
    chance="keys *_control and *_control_high: mean and largest of 20 shuffles of the nodes; ridge_r2 is then below 0",
)
