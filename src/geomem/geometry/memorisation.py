"""Are the edges memorised? Top-degree recovery, its dot-product version, and fit of the edge distribution.

Source: arXiv 2510.26745, Observation 3 and the tiny-graph experiments ("each vertex's d neighbours are its top-d").
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import Metric

from geomem.geometry.measurement import Measurement
from geomem.geometry.neighbours import Neighbours, check_edges
from geomem.geometry.vectors import row_chunks


def found_among_largest(
    scores: Float[Tensor, "b v"], rows: Int[Tensor, " k"], targets: Int[Tensor, " k"], counts: Int[Tensor, " b"]
) -> Float[Tensor, " k"]:
    """Say for each (row, target) whether the target is among the `counts[row]` largest scores of its row.

    1 or 0, except where scores tie at the border: then the probability under a random order of the tied ones, so
    that a model which says the same of every token gets exactly chance, whatever the numbering of the tokens.
    """
    border = scores.new_full((len(scores),), torch.inf)
    for count in torch.unique(counts).tolist():
        if count > 0:
            chosen = counts == count
            border[chosen] = scores[chosen].topk(count, dim=1, sorted=True).values[:, -1]
    above = (scores > border[:, None]).sum(1)
    tied = (scores == border[:, None]).sum(1).clamp(min=1)
    at_border = ((counts - above).double() / tied).clamp(0, 1)
    value = scores[rows, targets]
    return (value > border[rows]).double() + (value == border[rows]).double() * at_border[rows]


def node_recovery(
    logits: Float[Tensor, "b v"], nodes: Int[Tensor, " b"], neighbours: Neighbours, *, cap: int | None
) -> Float[Tensor, " b"]:
    """Return for each node the share of its k neighbours among its min(k, cap) largest logits; 0 without neighbours."""
    degrees = neighbours.degrees[nodes]
    counts = degrees.clamp(max=logits.shape[1] if cap is None else min(cap, logits.shape[1]))
    rows, targets = neighbours.of(nodes)
    found = found_among_largest(logits, rows, targets, counts)
    total = found.new_zeros(len(nodes)).index_add(0, rows, found)
    return total / degrees.clamp(min=1)


def top_degree_recovery(
    edge_logits: Float[Tensor, "n v"], edges: Int[Tensor, "e 2"], *, cap: int | None = 5
) -> Float[Tensor, ""]:
    """Return the mean over nodes of the share of their neighbours found among their most likely next tokens.

    edge_logits: (N, V), logits over the whole vocabulary after each node's edge prefix. edges: directed pairs.
    A node of out-degree k > 0 is asked for its min(k, cap) most likely tokens; with the release's cap of 5 a hub
    cannot reach 1, so use cap=None (k itself) on graphs that have hubs. A share in [0, 1].
    Raises InputError for edges outside the logits' rows. Source: arXiv 2510.26745, Section 3 and released code.
    """
    neighbours = Neighbours.from_edges(edges, len(edge_logits))
    nodes = torch.nonzero(neighbours.degrees).flatten()
    parts = [
        node_recovery(edge_logits[nodes[part]], nodes[part], neighbours, cap=cap)
        for part in row_chunks(len(nodes), edge_logits.shape[1])
    ]
    return torch.cat(parts).mean()


class TopDegreeRecovery(Metric):
    """Streaming `top_degree_recovery`: update with rows of logits and their node ids; memory does not grow.

    edges: (M, 2) directed pairs. num_nodes: N. cap: as in `top_degree_recovery`. Each node must be seen once.
    """

    full_state_update = False
    higher_is_better = True
    found: Tensor
    seen: Tensor

    def __init__(self, edges: Int[Tensor, "e 2"], num_nodes: int, cap: int | None = 5) -> None:
        super().__init__()
        neighbours = Neighbours.from_edges(edges, num_nodes)
        self.register_buffer("starts", neighbours.starts)
        self.register_buffer("targets", neighbours.targets)
        self.cap = cap
        self.add_state("found", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("seen", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, logits: Float[Tensor, "b v"], nodes: Int[Tensor, " b"]) -> None:
        """Add a batch: logits (B, V) after the edge prefixes of `nodes` (B,)."""
        neighbours = Neighbours(self.get_buffer("starts"), self.get_buffer("targets"))
        self.found += node_recovery(logits, nodes, neighbours, cap=self.cap).sum()
        self.seen += (neighbours.degrees[nodes] > 0).sum()

    def compute(self) -> Float[Tensor, ""]:
        """Return the mean over the nodes seen; NaN before the first."""
        return self.found / self.seen


def dot_product_recovery(
    embeddings: Float[Tensor, "n m"], edges: Int[Tensor, "e 2"], *, k: int = 5
) -> Float[Tensor, ""]:
    """Return the share of directed edges (u, v) with v among the k largest dot products of u.

    u itself is no candidate unless self-edges are among `edges`. Laxer than `top_degree_recovery`, since k does not
    depend on the degree. Source: released code of arXiv 2510.26745 (Node2Vec notebooks).
    """
    check_edges(edges, len(embeddings))
    table = embeddings.double()
    self_edges = bool((edges[:, 0] == edges[:, 1]).any())
    neighbours = Neighbours.from_edges(edges, len(table))
    k = min(k, len(table) if self_edges else len(table) - 1)
    found = table.new_zeros(())
    for part in row_chunks(len(table), len(table)):
        nodes = torch.arange(part.start, part.stop, device=table.device)
        scores = table[part] @ table.T
        if not self_edges:
            scores[torch.arange(len(nodes), device=table.device), nodes] = -torch.inf
        rows, targets = neighbours.of(nodes)
        found += found_among_largest(scores, rows, targets, torch.full_like(nodes, k)).sum()
    return found / len(neighbours.targets)


def edge_cross_entropy(edge_logits: Float[Tensor, "n v"], edges: Int[Tensor, "e 2"]) -> Float[Tensor, ""]:
    """Return the mean over edge examples (u, v) of -log softmax(logits of u)_v, in nats."""
    check_edges(edges, len(edge_logits))
    nodes, rows = torch.unique(edges[:, 0], return_inverse=True)
    norm = torch.cat(
        [edge_logits[nodes[part]].double().logsumexp(1) for part in row_chunks(len(nodes), edge_logits.shape[1])]
    )
    return (norm[rows] - edge_logits[edges[:, 0], edges[:, 1]].double()).mean()


def edge_accuracy(edge_logits: Float[Tensor, "n v"], edges: Int[Tensor, "e 2"]) -> Float[Tensor, ""]:
    """Return the share of edge examples whose target is the arg-max token; bounded by `edge_accuracy_ceiling`."""
    check_edges(edges, len(edge_logits))
    return (edge_logits.argmax(1)[edges[:, 0]] == edges[:, 1]).double().mean()


def edge_accuracy_ceiling(edges: Int[Tensor, "e 2"]) -> Float[Tensor, ""]:
    """Return the largest arg-max accuracy any model can have: one token per node, its most frequent target."""
    pairs, counts = torch.unique(edges, dim=0, return_counts=True)
    best = counts.new_zeros(int(edges.max()) + 1).scatter_reduce(0, pairs[:, 0], counts, "amax")
    return best.sum().double() / len(edges)


def entropy_floor(edges: Int[Tensor, "e 2"]) -> Float[Tensor, ""]:
    """Return the smallest possible mean cross-entropy in nats: the mean entropy of the next token given the node."""
    pairs, counts = torch.unique(edges, dim=0, return_counts=True)
    of_node = torch.bincount(edges[:, 0])[pairs[:, 0]]
    surprise = -(counts.double() / of_node).log()
    return (surprise * counts).sum() / len(edges)


def measure_top_degree(edge_logits: Float[Tensor, "n v"], edges: Int[Tensor, "e 2"]) -> dict[str, float]:
    """Return the recovery with the release's cap and without, each beside chance (random logits) and its ceiling."""
    degrees = Neighbours.from_edges(edges, len(edge_logits)).degrees
    degrees = degrees[degrees > 0].double()
    vocabulary = edge_logits.shape[1]
    return {
        "recovery": float(top_degree_recovery(edge_logits, edges, cap=None)),
        "chance": float(degrees.mean() / vocabulary),
        "capped": float(top_degree_recovery(edge_logits, edges)),
        "capped_chance": float(degrees.clamp(max=5).mean() / vocabulary),
        "capped_ceiling": float((degrees.clamp(max=5) / degrees).mean()),
    }


def measure_dot_product(embeddings: Float[Tensor, "n m"], edges: Int[Tensor, "e 2"]) -> dict[str, float]:
    """Return the share of edges among the 5 largest and the largest dot products, each beside chance."""
    candidates = len(embeddings) - int(not bool((edges[:, 0] == edges[:, 1]).any()))
    return {
        "top5": float(dot_product_recovery(embeddings, edges, k=5)),
        "top5_chance": min(5, candidates) / candidates,
        "top1": float(dot_product_recovery(embeddings, edges, k=1)),
        "top1_chance": 1 / candidates,
    }


def measure_edge_fit(edge_logits: Float[Tensor, "n v"], edges: Int[Tensor, "e 2"]) -> dict[str, float]:
    """Return loss with its floor, and arg-max accuracy with its ceiling and chance."""
    loss, floor = float(edge_cross_entropy(edge_logits, edges)), float(entropy_floor(edges))
    return {
        "loss": loss,
        "loss_floor": floor,
        "loss_excess": loss - floor,
        "accuracy": float(edge_accuracy(edge_logits, edges)),
        "accuracy_ceiling": float(edge_accuracy_ceiling(edges)),
        "accuracy_chance": 1 / edge_logits.shape[1],
    }


TOP_DEGREE_RECOVERY = Measurement(
    name="top-degree-recovery",
    function=measure_top_degree,
    source="arXiv 2510.26745, Section 3 and released code",
    chance="random logits find mean degree / vocabulary (keys chance, capped_chance)",
)
DOT_PRODUCT_RECOVERY = Measurement(
    name="dot-product-recovery",
    function=measure_dot_product,
    source="released code of arXiv 2510.26745 (Node2Vec notebooks)",
    chance="random vectors find k / candidates (keys top5_chance, top1_chance)",
)
EDGE_FIT = Measurement(
    name="edge-fit",
    function=measure_edge_fit,
    source="arXiv 2510.26745, edge-memorisation objective",
    chance="accuracy 1 / vocabulary (key accuracy_chance); the loss is read against loss_floor",
)
