"""Does distance in the embeddings follow distance in the graph? Rank correlation over pairs of nodes.

Spearman's rho, ties by average rank, over pairs of distinct nodes that a path connects. Pairs share nodes and are not
independent, so both the interval and the control resample nodes, never pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from scipy.sparse.csgraph import shortest_path
from scipy.stats import rankdata
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.laplacian import adjacency
from geomem.geometry.measurement import Measurement
from geomem.geometry.vectors import row_chunks, unit_rows
from geomem.seeding import numpy_generator

DistanceName = Literal["cosine", "euclidean"]
ALL_PAIRS = 50_000
"""Pairs up to which all are used (316 nodes); more are sampled down to this number."""
SOURCES = 128
"""Nodes from which shortest paths are searched when pairs are sampled."""
TABLE_NODES = 2000
"""Nodes up to which all embedding distances are held at once (32 MB)."""


@dataclass(frozen=True)
class NodePairs:
    """Connected pairs of distinct nodes: (P,) ids and hop distances. sampled: whether there were more."""

    first: Int[Tensor, " p"]
    second: Int[Tensor, " p"]
    hops: Float[Tensor, " p"]
    sampled: bool


def hop_distances(
    edges: Int[Tensor, "e 2"], num_nodes: int, sources: Int[Tensor, " s"] | None = None
) -> Float[Tensor, "s n"]:
    """Return the number of hops from each source (by default every node) to every node; infinite if unreachable."""
    indices = None if sources is None else sources.cpu().numpy()
    found = shortest_path(adjacency(edges, num_nodes), directed=False, unweighted=True, indices=indices)
    return torch.from_numpy(np.atleast_2d(found).astype(np.float64))


def node_pairs(edges: Int[Tensor, "e 2"], num_nodes: int, *, limit: int = ALL_PAIRS, seed: int = 0) -> NodePairs:
    """Return all connected pairs of distinct nodes, or a seeded sample of `limit` of them if there may be more.

    The sample takes 128 source nodes uniformly and, from each, the same number of reachable targets, with replacement.
    Raises InputError when no two nodes are connected.
    """
    if num_nodes * (num_nodes - 1) // 2 <= limit:
        hops = hop_distances(edges, num_nodes)
        first, second = torch.triu_indices(num_nodes, num_nodes, offset=1)
        values = hops[first, second]
        keep = values.isfinite()
        return NodePairs(first[keep], second[keep], values[keep], sampled=False)
    generator = numpy_generator(seed, "hop-distance", "pairs")
    degrees = np.diff(adjacency(edges, num_nodes).indptr)
    candidates = np.flatnonzero(degrees)
    sources = generator.choice(candidates, size=min(SOURCES, len(candidates)), replace=False)
    found = hop_distances(edges, num_nodes, torch.from_numpy(sources)).numpy()
    each = max(1, limit // len(sources))
    rows, targets = [], []
    for source, row in zip(sources, found, strict=True):
        reachable = np.flatnonzero(np.isfinite(row) & (row > 0))
        if len(reachable):
            targets.append(generator.choice(reachable, size=each))
            rows.append(np.full(each, source))
    if not rows:
        raise InputError("edges: no two different nodes are connected, so there is no hop distance")
    first, second = np.concatenate(rows), np.concatenate(targets)
    where = {int(node): row for row, node in enumerate(sources)}
    values = found[[where[int(node)] for node in first], second]
    return NodePairs(*(torch.from_numpy(part) for part in (first, second, values)), sampled=True)


def embedding_distances(
    embeddings: Float[Tensor, "n m"], first: Int[Tensor, " p"], second: Int[Tensor, " p"], distance: DistanceName
) -> Float[Tensor, " p"]:
    """Return the distance of each pair, float64: Euclidean, or 1 - cosine (1 where a vector is zero)."""
    return _distance_reader(embeddings, distance)(first, second)


def spearman(first: Float[Tensor, " p"], second: Float[Tensor, " p"]) -> float:
    """Return Spearman's rank correlation, ties by average rank; 0 when either side is constant."""
    return float(_correlation(_ranks(first.detach().cpu()), _ranks(second.detach().cpu())))


@dataclass(frozen=True)
class Correlation:
    """rho with its 95 % interval over nodes, and mean and largest rho of seeded shuffles of the node labels."""

    rho: float
    low: float
    high: float
    control: float
    control_high: float


def hop_correlation(
    embeddings: Float[Tensor, "n m"],
    pairs: NodePairs,
    distance: DistanceName,
    *,
    resamples: int = 200,
    shuffles: int = 20,
    seed: int = 0,
) -> Correlation:
    """Correlate embedding distance with hop distance over `pairs`.

    Interval: bootstrap of nodes (each pair weighted by how often both its nodes were drawn, ranks kept). Control: the
    nodes' embeddings are shuffled. Raises InputError when all hops are equal (a complete graph): no rho.
    """
    if len(pairs.hops) == 0 or float(pairs.hops.min()) == float(pairs.hops.max()):
        raise InputError("hop-distance: all connected pairs are equally far apart, so there is no order to compare")
    table = embeddings.detach().cpu()
    count = len(table)
    read = _distance_reader(table, distance)
    hops = _ranks(pairs.hops)
    ranks = _ranks(read(pairs.first, pairs.second))
    generator = numpy_generator(seed, "hop-distance", distance)
    drawn = [
        _correlation(hops, ranks, weights[pairs.first] * weights[pairs.second])
        for weights in (_bootstrap_counts(generator, count) for _ in range(resamples))
    ]
    control: list[float] = []
    for _ in range(shuffles):
        order = torch.from_numpy(generator.permutation(count))
        control.append(float(_correlation(hops, _ranks(read(order[pairs.first], order[pairs.second])))))
    low, high = np.quantile([float(value) for value in drawn], [0.025, 0.975])
    return Correlation(float(_correlation(hops, ranks)), float(low), float(high), float(np.mean(control)), max(control))


def measure_hop_distance(embeddings: Float[Tensor, "n m"], graph_edges: Int[Tensor, "e 2"]) -> dict[str, float]:
    """Return Spearman's rho by cosine and by Euclidean distance, interval, shuffled control, and the pairs used."""
    pairs = node_pairs(graph_edges, len(embeddings))
    result = {"pairs": float(len(pairs.hops)), "sampled": float(pairs.sampled)}
    names: tuple[DistanceName, ...] = ("cosine", "euclidean")
    for distance in names:
        found = hop_correlation(embeddings, pairs, distance)
        result |= {
            distance: found.rho,
            f"{distance}_low": found.low,
            f"{distance}_high": found.high,
            f"{distance}_control": found.control,
            f"{distance}_control_high": found.control_high,
        }
    return result


def _distance_reader(
    table: Float[Tensor, "n m"], distance: DistanceName
) -> Callable[[Int[Tensor, " p"], Int[Tensor, " p"]], Float[Tensor, " p"]]:
    """Return a function from pairs to distances, which looks them up in a table of all while that is small."""
    rows = table.double() if distance == "euclidean" else unit_rows(table)
    if len(rows) <= TABLE_NODES:
        held = torch.cdist(rows, rows) if distance == "euclidean" else 1 - rows @ rows.T
        return lambda first, second: held[first, second]

    def read(first: Int[Tensor, " p"], second: Int[Tensor, " p"]) -> Float[Tensor, " p"]:
        result = rows.new_empty(len(first))
        # Small chunks stay in cache: gathering all pairs at once is several times slower.
        for part in row_chunks(len(first), rows.shape[1], 1 << 18):
            one, two = rows[first[part]], rows[second[part]]
            result[part] = (one - two).norm(dim=1) if distance == "euclidean" else 1 - (one * two).sum(1)
        return result

    return read


def _ranks(values: Float[Tensor, " p"]) -> Float[Tensor, " p"]:
    return torch.from_numpy(np.asarray(rankdata(values.numpy()), dtype=np.float64))


def _bootstrap_counts(generator: np.random.Generator, count: int) -> Float[Tensor, " n"]:
    drawn: NDArray[np.int64] = generator.integers(0, count, count)
    return torch.from_numpy(np.bincount(drawn, minlength=count).astype(np.float64))


def _correlation(
    first: Float[Tensor, " p"], second: Float[Tensor, " p"], weights: Float[Tensor, " p"] | None = None
) -> Float[Tensor, ""]:
    """Weighted Pearson correlation; 0 when either side is constant."""
    share = torch.full_like(first, 1 / len(first)) if weights is None else weights / weights.sum().clamp(min=1)
    one, two = first - share @ first, second - share @ second
    spread = ((share @ one.square()) * (share @ two.square())).sqrt()
    # Ranks differ by halves at least: a spread near 0 is the rounding error of a constant.
    return torch.where(spread > 1e-6, share @ (one * two) / spread.clamp(min=1e-6), 0.0)


HOP_DISTANCE = Measurement(
    name="hop-distance",
    function=measure_hop_distance,
    source="arXiv 2510.26745, geometry as closeness of nodes that never co-occurred (Sections 1 and 3)",
    chance="about 0; keys *_control and *_control_high hold mean and largest rho of 20 shuffles of the nodes",
)
