"""Training of Node2Vec by full-batch steps in matrix form (arXiv 2510.26745).

The loss is the sum over nodes u with neighbours of the mean over its neighbours v of -log softmax(V1 V2ᵀ)_uv, and its
descent direction is known: (W - P) V2 for V1 and (W - P)ᵀ V1 for V2, with W = D⁻¹ A and P the softmax. When the
tables are tied both apply to the one table, V <- V + lr C V with C = (W - P) + (W - P)ᵀ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.models.node2vec import Node2Vec
from geomem.seeding import torch_generator

if TYPE_CHECKING:
    from geomem.models.specs import Node2VecSpec

CHUNK_ENTRIES = 4_000_000
"""Entries of the softmax that are held at once: 16 MB."""
DENSE_NODES = 512
"""Up to so many nodes W is a dense matrix, which makes a step of a tiny graph five small products."""

Recorder = Callable[[int, Node2Vec, float], None]


@dataclass(frozen=True)
class Targets:
    """W = D⁻¹ A of directed edges, dense (N, N) or sparse CSR, and whether each node has a neighbour (N, 1)."""

    matrix: Tensor
    transpose: Tensor
    active: Tensor
    edges: Tensor = field(repr=False)

    @classmethod
    def from_edges(cls, num_nodes: int, edges: Tensor) -> Targets:
        """Make W from `edges` (M, 2) int64, directed, without duplicates. Raises InputError for bad ones."""
        if edges.ndim != 2 or edges.shape[1] != 2 or len(edges) == 0:
            raise InputError(f"edges: expected at least one pair, shape (M, 2), got {tuple(edges.shape)}")
        if int(edges.min()) < 0 or int(edges.max()) >= num_nodes:
            raise InputError(f"edges: a node lies outside 0..{num_nodes - 1}")
        key = torch.unique(edges[:, 0] * num_nodes + edges[:, 1])
        if len(key) != len(edges):
            raise InputError(f"edges: {len(edges) - len(key)} duplicate pair(s); give each directed edge once")
        edges = torch.stack([key // num_nodes, key % num_nodes], dim=1)
        degree = torch.bincount(edges[:, 0], minlength=num_nodes)
        values = 1.0 / degree[edges[:, 0]].float()
        active = (degree > 0)[:, None].float()
        if num_nodes <= DENSE_NODES:
            dense = torch.zeros(num_nodes, num_nodes)
            dense[edges[:, 0], edges[:, 1]] = values
            return cls(dense, dense.T.contiguous(), active, edges)
        size = (num_nodes, num_nodes)
        forward = torch.sparse_coo_tensor(edges.T, values, size, check_invariants=False).coalesce()
        return cls(forward, forward.t().coalesce(), active, edges)


def train_node2vec(
    num_nodes: int,
    edges: Tensor,
    spec: Node2VecSpec,
    seed: int,
    *,
    record_every: int = 0,
    callback: Recorder | None = None,
) -> Node2Vec:
    """Train `spec` on directed `edges` (M, 2) and return it; the same seed gives the same bits.

    callback(step, model, loss) is called before the update of every `record_every`-th step and after the last one;
    loss is the mean over nodes with neighbours (of the sampled loss when `negatives` > 0). The model it sees is the
    live one: copy what is to be kept.
    """
    model = Node2Vec.from_spec(spec, num_nodes, seed)
    targets = Targets.from_edges(num_nodes, edges)
    update = _optimiser(spec, model)
    sampler = NegativeSampler(targets, num_nodes, spec.negatives, seed) if spec.negatives else None

    def direction() -> tuple[list[Tensor], Tensor]:
        return ascent(model, targets) if sampler is None else sampled_ascent(model, sampler)

    with torch.no_grad():
        for step in range(spec.steps):
            directions, loss = direction()
            if callback is not None and record_every and step % record_every == 0:
                callback(step, model, float(loss))
            update(directions)
        if callback is not None:
            callback(spec.steps, model, float(direction()[1]))
    return model


@torch.no_grad()
def ascent(model: Node2Vec, targets: Targets) -> tuple[list[Tensor], Tensor]:
    """Return the exact ascent direction of each table, (N, m), and the mean loss over nodes with neighbours.

    Sum over nodes, as the release; tied: [C V]; untied: [(W - P) V2, (W - P)ᵀ V1]. The softmax is made in slices of
    `CHUNK_ENTRIES`, so that memory stays small on large graphs.
    """
    inputs, outputs = model.weight, model.output
    left, right = targets.matrix @ outputs, targets.transpose @ inputs
    # Sum over u and v of W_uv (V1_u . V2_v): what the loss gains by the neighbours' logits.
    explained = (inputs * left).sum()
    rows = max(1, CHUNK_ENTRIES // len(inputs))
    surprise = torch.zeros(())
    for start in range(0, len(inputs), rows):
        part = inputs[start : start + rows]
        logits = part @ outputs.T
        # log Z as rowmax + log sum exp(. - rowmax), keeping the exponentials for P.
        top = logits.amax(1, keepdim=True)
        weights = logits.sub_(top).exp_()
        total = weights.sum(1, keepdim=True)
        active = targets.active[start : start + rows]
        surprise += ((top + total.log()) * active).sum()
        weights.mul_(active / total)
        left[start : start + rows].addmm_(weights, outputs, alpha=-1)
        right.addmm_(weights.T, part, alpha=-1)
    loss = (surprise - explained) / targets.active.sum()
    return ([left.add_(right)] if model.tied else [left, right]), loss


class NegativeSampler:
    """Draws, for every directed edge (u, v), nodes that are not neighbours of u.

    u itself can be drawn, as it stands in the full softmax too, unless (u, u) is an edge.

    Raises InputError when a node is a neighbour of everything, so that there is nothing to draw.
    """

    def __init__(self, targets: Targets, num_nodes: int, negatives: int, seed: int) -> None:
        self.edges, self.num_nodes, self.negatives = targets.edges, num_nodes, negatives
        self.generator = torch_generator(seed, "negatives")
        degree = torch.bincount(self.edges[:, 0], minlength=num_nodes)
        if int(degree.max()) >= num_nodes:
            raise InputError(f"negatives: node {int(degree.argmax())} is a neighbour of every node; use negatives: 0")
        # The k-th non-neighbour of u is k plus the number of neighbours that come before it. With neighbours
        # n_0 < n_1 < ..., n_j comes before it exactly when n_j - j <= k: a search in a sorted list of (u, n_j - j).
        source, target = self.edges.unbind(1)
        self.starts = degree.cumsum(0) - degree
        rank = torch.arange(len(source)) - self.starts[source]
        self.keys = source * num_nodes + (target - rank)
        self.free = num_nodes - degree

    def draw(self) -> Tensor:
        """Return (M, negatives) int64, uniform over the non-neighbours of each edge's source."""
        source = self.edges[:, 0]
        uniform = torch.rand(len(source), self.negatives, generator=self.generator, dtype=torch.float64)
        index = (uniform * self.free[source, None]).long().clamp_(max=self.num_nodes - 1)
        before = torch.searchsorted(self.keys, source[:, None] * self.num_nodes + index, right=True)
        return index + before - self.starts[source, None]


@torch.no_grad()
def sampled_ascent(model: Node2Vec, sampler: NegativeSampler) -> tuple[list[Tensor], Tensor]:
    """Return the ascent directions and mean loss with sampled negatives (word2vec's objective, arXiv 1310.4546, eq. 4).

    Per edge log sigmoid(V_u . V_v) + sum over its negatives w of log sigmoid(-V_u . V_w), averaged over the edges of a
    node and summed over nodes, so that step sizes mean the same as with the full softmax.
    """
    inputs, outputs = model.weight, model.output
    source, target = sampler.edges.unbind(1)
    share = 1.0 / torch.bincount(source, minlength=sampler.num_nodes)[source].float()
    others = torch.cat([target[:, None], sampler.draw()], dim=1)  # (M, 1 + negatives)
    signs = torch.full(others.shape, -1.0)
    signs[:, 0] = 1.0
    vectors, partners = inputs[source], outputs[others]
    scores = signs * (partners @ vectors[:, :, None])[..., 0]
    loss = -(torch.nn.functional.logsigmoid(scores) * share[:, None]).sum() / len(torch.unique(source))
    pull = signs * torch.sigmoid(-scores) * share[:, None]
    left, right = torch.zeros_like(inputs), torch.zeros_like(outputs)
    left.index_add_(0, source, (pull[:, None] @ partners)[:, 0])
    right.index_add_(0, others.flatten(), (pull[..., None] * vectors[:, None]).flatten(0, 1))
    return ([left.add_(right)] if model.tied else [left, right]), loss


def _optimiser(spec: Node2VecSpec, model: Node2Vec) -> Callable[[list[Tensor]], None]:
    """Return the function that applies ascent directions to the tables."""
    tables = list(model.parameters())
    if spec.optimiser == "gradient-flow":

        def flow(directions: list[Tensor]) -> None:
            for table, direction in zip(tables, directions, strict=True):
                table.add_(direction, alpha=spec.lr)

        return flow
    if spec.optimiser == "momentum":
        chosen: torch.optim.Optimizer = torch.optim.SGD(tables, lr=spec.lr, momentum=0.9)
    else:
        chosen = torch.optim.Adam(tables, lr=spec.lr, fused=True)

    def update(directions: list[Tensor]) -> None:
        for table, direction in zip(tables, directions, strict=True):
            table.grad = -direction
        chosen.step()

    return update
