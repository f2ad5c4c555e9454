"""The cosine level of neighbours, and the node heat map.

Source: arXiv 2510.26745, "geometric level" of the memorisation-evolution plots and node heat maps (released code).
The level is an adjacency measure: 0 for random vectors, near 1 when neighbours align, negative in zig-zag solutions.
Early in training everything may align with everything, so it is read beside the level of all pairs.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import Metric

from geomem.geometry.measurement import Measurement
from geomem.geometry.neighbours import check_edges
from geomem.geometry.vectors import Z95, mean_interval, unit_rows


def edge_cosines(embeddings: Float[Tensor, "n m"], edges: Int[Tensor, "e 2"]) -> Float[Tensor, " e"]:
    """Return the cosine of the two ends of every edge, float64; 0 where an end is the zero vector."""
    check_edges(edges, len(embeddings))
    unit = unit_rows(embeddings)
    return (unit[edges[:, 0]] * unit[edges[:, 1]]).sum(1)


def cosine_level(embeddings: Float[Tensor, "n m"], edges: Int[Tensor, "e 2"]) -> Float[Tensor, ""]:
    """Return the mean cosine over directed edges, as the paper plots it (self-edges, if trained, count as 1)."""
    return edge_cosines(embeddings, edges).mean()


def all_pairs_cosine(embeddings: Float[Tensor, "n m"]) -> Float[Tensor, ""]:
    """Return the mean cosine over all pairs of distinct nodes, exactly, in O(N m): the control of `cosine_level`."""
    unit = unit_rows(embeddings)
    count = len(unit)
    return (unit.sum(0).square().sum() - unit.square().sum()) / max(1, count * (count - 1))


def node_cosine_map(embeddings: Float[Tensor, "n m"], order: Int[Tensor, " k"]) -> Float[Tensor, "k k"]:
    """Return the cosine matrix of the nodes in `order`, scale [-1, 1], the diagonal blanked (NaN)."""
    unit = unit_rows(embeddings)[order]
    return (unit @ unit.T).clamp(-1, 1).fill_diagonal_(torch.nan)


def adjacency_map(edges: Int[Tensor, "e 2"], order: Int[Tensor, " k"]) -> Float[Tensor, "k k"]:
    """Return the symmetric 0/1 adjacency matrix of the nodes in `order`, to stand beside `node_cosine_map`."""
    size = 1 + int(torch.cat([edges.flatten(), order]).max())
    adjacency = torch.zeros(size, size, dtype=torch.float64, device=edges.device)
    adjacency[edges[:, 0], edges[:, 1]] = 1
    adjacency[edges[:, 1], edges[:, 0]] = 1
    return adjacency[order][:, order]


def star_order(paths: Int[Tensor, "p l"]) -> Int[Tensor, " n"]:
    """Return the nodes of a star: the root, then path after path from the first hop out, each node once."""
    flat = torch.cat([paths[:1, 0], paths[:, 1:].flatten()])
    unique, inverse = torch.unique(flat, return_inverse=True)
    first = torch.full_like(unique, len(flat))
    first = first.scatter_reduce(0, inverse, torch.arange(len(flat), device=flat.device), "amin")
    return flat[first.sort().values]


class CosineLevel(Metric):
    """Streaming `cosine_level`: update with the embeddings of the two ends of a batch of edges; states are sums."""

    full_state_update = False
    total: Tensor
    squares: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("total", "squares"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, sources: Float[Tensor, "b m"], targets: Float[Tensor, "b m"]) -> None:
        """Add the edges whose ends have the embeddings `sources` and `targets`."""
        cosines = (unit_rows(sources) * unit_rows(targets)).sum(1)
        self.total += cosines.sum()
        self.squares += cosines.square().sum()
        self.count += len(cosines)

    def compute(self) -> Float[Tensor, ""]:
        """Return the mean cosine; NaN before the first edge."""
        return self.total / self.count

    def interval(self) -> tuple[float, float]:
        """Return the 95 % normal interval of the mean over the edges seen."""
        mean = self.total / self.count
        variance = (self.squares / self.count - mean.square()).clamp(min=0) * self.count / (self.count - 1).clamp(min=1)
        half = Z95 * float((variance / self.count).sqrt())
        return float(mean) - half, float(mean) + half


def measure_cosine_level(embeddings: Float[Tensor, "n m"], edges: Int[Tensor, "e 2"]) -> dict[str, float]:
    """Return the level, its 95 % interval, the level without self-edges, and the control over all pairs.

    Both directions of an edge have one cosine, so the interval is taken over undirected edges without self-edges and
    belongs to `neighbours`; it is over the edges of one model, not over seeds.
    """
    level = cosine_level(embeddings, edges)
    proper = torch.unique(edges[edges[:, 0] != edges[:, 1]].sort(1).values, dim=0)
    cosines = edge_cosines(embeddings, proper) if len(proper) else level[None]
    low, high = mean_interval(cosines)
    return {
        "level": float(level),
        "neighbours": float(cosines.mean()),
        "neighbours_low": low,
        "neighbours_high": high,
        "all_pairs": float(all_pairs_cosine(embeddings)),
    }


COSINE_LEVEL = Measurement(
    name="cosine-level",
    function=measure_cosine_level,
    source="arXiv 2510.26745, memorisation-evolution plots",
    chance="0 for random vectors; all_pairs is the level of nodes that need not be neighbours",
)
