"""Node2Vec with full softmax, as mathematics: objective, exact gradient, one step, and what it annihilates.

Source: arXiv 2510.26745, Section 4 and Appendix F. One table V (n, m), logits V V^T with the self term, W = D^-1 A,
P = row softmax of V V^T. J(V) = sum_uv W_uv log P_uv is maximised; dJ/dV = C V with C = (W - P) + (W - P)^T (the
minus sign is right: one proof line of v1 has plus; finite differences decide). A node without edges adds no term.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from geomem.geometry.measurement import Measurement
from geomem.geometry.neighbours import Neighbours


def walk_matrix(edges: Int[Tensor, "e 2"], num_nodes: int) -> Float[Tensor, "n n"]:
    """Return W = D^-1 A over the directed pairs as given (duplicates once), dense float64; rows sum to 1 or 0."""
    neighbours = Neighbours.from_edges(edges, num_nodes)
    rows, targets = neighbours.of(torch.arange(num_nodes, device=edges.device))
    walk = torch.zeros(num_nodes, num_nodes, dtype=torch.float64, device=edges.device)
    walk[rows, targets] = 1 / neighbours.degrees.double()[rows]
    return walk


def objective(table: Float[Tensor, "n m"], walk: Float[Tensor, "n n"]) -> Float[Tensor, ""]:
    """Return J(V) = sum_uv W_uv log softmax(V V^T)_uv, in nats; differentiable."""
    return untied_objective(table, table, walk)


def untied_objective(
    inputs: Float[Tensor, "n m"], outputs: Float[Tensor, "n m"], walk: Float[Tensor, "n n"]
) -> Float[Tensor, ""]:
    """Return J(V1, V2) = sum_uv W_uv log softmax(V1 V2^T)_uv, in nats; differentiable."""
    return (walk * torch.log_softmax(inputs.double() @ outputs.double().T, dim=1)).sum()


def residual(logits: Float[Tensor, "n n"], walk: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    """Return dJ/dlogits: W - P, with the rows of nodes without edges zero."""
    return walk - walk.sum(1, keepdim=True) * torch.softmax(logits, dim=1)


def coefficient_matrix(table: Float[Tensor, "n m"], walk: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    """Return C(V) = (W - P) + (W - P)^T, float64, symmetric."""
    rows = table.double()
    error = residual(rows @ rows.T, walk)
    return error + error.T


def gradient(table: Float[Tensor, "n m"], walk: Float[Tensor, "n n"]) -> Float[Tensor, "n m"]:
    """Return dJ/dV = C(V) V, float64."""
    return coefficient_matrix(table, walk) @ table.double()


def step(table: Float[Tensor, "n m"], walk: Float[Tensor, "n n"], lr: float) -> Float[Tensor, "n m"]:
    """Return V + lr C(V) V: one full-batch gradient step on -J."""
    return table.double() + lr * gradient(table, walk)


def untied_gradients(
    inputs: Float[Tensor, "n m"], outputs: Float[Tensor, "n m"], walk: Float[Tensor, "n n"]
) -> tuple[Float[Tensor, "n m"], Float[Tensor, "n m"]]:
    """Return dJ/dV1 = (W - P) V2 and dJ/dV2 = (W - P)^T V1 for logits V1 V2^T, float64."""
    error = residual(inputs.double() @ outputs.double().T, walk)
    return error @ outputs.double(), error.T @ inputs.double()


def negative_laplacian(walk: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    """Return -L = W + W^T - 2I (zero rows of W keep a zero diagonal); C(0) when V V^T is a large multiple of I."""
    return walk + walk.T - 2 * torch.diag(walk.sum(1))


def annihilation(
    table: Float[Tensor, "n m"], walk: Float[Tensor, "n n"], vectors: Float[Tensor, "n k"]
) -> tuple[Float[Tensor, " k"], Float[Tensor, " k"]]:
    """Return |C(V) e_i| and |V^T e_i| for the columns e_i of `vectors`.

    The paper's end state is |C e_i| -> 0 where |V^T e_i| stays. Exactly so on the cycle; elsewhere |C e_i| settles at
    a small positive value while |C V| still goes to about 0.
    """
    coefficients = coefficient_matrix(table, walk)
    return (coefficients @ vectors.double()).norm(dim=0), (table.double().T @ vectors.double()).norm(dim=0)


def measure_stationarity(embeddings: Float[Tensor, "n m"], edges: Int[Tensor, "e 2"]) -> dict[str, float]:
    """Return |C V| / |V|, |C| (spectral norm), J per node and its ceiling (minus the mean neighbour entropy)."""
    walk = walk_matrix(edges, len(embeddings))
    table = embeddings.double()
    active = int((walk.sum(1) > 0).sum())
    norm = float(table.norm())
    return {
        "residual": float(gradient(table, walk).norm()) / norm if norm > 0 else 0.0,
        "coefficient_norm": float(torch.linalg.matrix_norm(coefficient_matrix(table, walk), ord=2)),
        "objective": float(objective(table, walk)) / active,
        "objective_ceiling": float(torch.xlogy(walk, walk).sum()) / active,
    }


NODE2VEC_STATIONARITY = Measurement(
    name="node2vec-stationarity",
    function=measure_stationarity,
    source="arXiv 2510.26745, Observation 7 and Appendix F",
    chance="random vectors leave residual near the size of the Laplacian; a converged table has residual near 0",
)
