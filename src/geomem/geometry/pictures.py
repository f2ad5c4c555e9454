"""Low-dimensional pictures of embeddings and graphs: coordinates to draw, never drawn here.

Source: arXiv 2510.26745, Figs. 1, 10 and 12-15 (PCA in the released notebooks, UMAP in the paper).
"""

from __future__ import annotations

import importlib
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.lanczos import extreme_eigenpairs
from geomem.geometry.laplacian import laplacian_operator


@dataclass(frozen=True)
class Principal:
    """points: (N, k) coordinates on the chosen components. explained: (k,) their shares of the variance."""

    points: Float[Tensor, "n k"]
    explained: Float[Tensor, " k"]


def pca(embeddings: Float[Tensor, "n m"], k: int = 3, *, first: int = 1) -> Principal:
    """Return principal components `first` .. `first + k - 1`, counted from 1, of the centred embeddings, float64.

    The release keeps 1-3, and 2-4 for stars with linear models, where the first only tells depth. Each component's
    sign is fixed so that its entry of largest size is positive. A table without variance explains 0.
    Raises InputError when the components asked for do not exist.
    """
    available = min(embeddings.shape)
    if first < 1 or k < 1 or first + k - 1 > available:
        raise InputError(f"pca: components {first}..{first + k - 1} asked for, but there are 1..{available}")
    centred = embeddings.double() - embeddings.double().mean(0)
    left, scale, _ = torch.linalg.svd(centred, full_matrices=False)
    chosen = slice(first - 1, first - 1 + k)
    whole = scale.square().sum()
    explained = scale[chosen].square() / whole.where(whole > 0, whole.new_ones(()))
    return Principal(fix_signs(left[:, chosen] * scale[chosen]), explained)


def umap_layout(
    embeddings: Float[Tensor, "n m"], k: int = 2, *, neighbours: int = 15, min_dist: float = 0.1, seed: int = 0
) -> Float[Tensor, "n k"]:
    """Return the UMAP layout by Euclidean distance, with the paper's 15 neighbours and minimal distance 0.1.

    Deterministic for a seed on one machine. The paper leaves the root of a star out: drop its row first.
    Raises InputError when umap-learn is not installed, or for fewer than four nodes.
    """
    if len(embeddings) < 4:
        raise InputError(f"umap: needs at least 4 nodes, got {len(embeddings)}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it remarks on its own optional parts
            umap = importlib.import_module("umap")
    except ImportError:
        raise InputError("umap: umap-learn is not installed; install geomem[umap], or use PCA") from None
    reducer = umap.UMAP(
        n_components=k,
        n_neighbors=min(neighbours, len(embeddings) - 1),
        min_dist=min_dist,
        init="pca",  # spectral starts fail on disconnected neighbour graphs, which stars of clusters are
        random_state=seed,
        n_jobs=1,  # the only choice that a seed allows
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # remarks of umap and numba on their own internals
        layout = reducer.fit_transform(embeddings.detach().float().cpu().numpy())
    return torch.from_numpy(np.asarray(layout, dtype=np.float64))


def laplacian_layout(edges: Int[Tensor, "e 2"], num_nodes: int, k: int = 3) -> Float[Tensor, "n k"]:
    """Return eigenvectors number 2 .. k + 1 of -L from the top as coordinates (N, k), signs fixed as in `pca`.

    Counted over the whole graph, as the release draws it: in a graph of several components the second is one more
    trivial vector. Raises InputError when there are too few nodes.
    """
    if k + 1 > num_nodes:
        raise InputError(f"laplacian layout: {k} axes need at least {k + 1} nodes, got {num_nodes}")
    _, vectors = extreme_eigenpairs(laplacian_operator(edges, num_nodes), k + 1, "top")
    return fix_signs(torch.from_numpy(np.ascontiguousarray(vectors[:, 1:])))


def fix_signs(points: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
    """Flip each column so that its entry of largest size is positive: the same picture on every machine."""
    largest = points.gather(0, points.abs().argmax(0, keepdim=True))
    return points * torch.where(largest < 0, -1.0, 1.0)
