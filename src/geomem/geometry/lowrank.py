"""The skewed low-rank test: whether the embeddings' own directions explain the stored matrix.

Source: arXiv 2510.26745 and released code (regulariser notebooks), for TinyNN and associative models, whose logits are
E W^T E^T up to bias. S0 = E W E^T. With the thin SVD E = U S Q^T, W' = Q diag(diag(Q^T W Q)) Q^T keeps only W's
diagonal in E's right singular basis, and S1 = E W' E^T. Geometric solutions keep a clearly positive margin(S1), the
"geometric margin"; associative ones drop to about 0 or below although margin(S0) is positive.

Caution: row u of S0 as written is E_u W E^T while the network computes E_u W^T E^T. The two agree up to transposition
of W, harmless for symmetric edge sets only; S1 is symmetric and not concerned.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.measurement import Measurement
from geomem.geometry.neighbours import Neighbours
from geomem.geometry.vectors import row_chunks


def diagonal_part(token_table: Float[Tensor, "v m"], layer_weight: Float[Tensor, "m m"]) -> Float[Tensor, "m m"]:
    """Return W' = Q diag(diag(Q^T W Q)) Q^T, float64, with Q the right singular vectors of the token table.

    Where singular values coincide Q, and so W', is not unique (a table of zeros or of orthonormal rows).
    """
    basis = torch.linalg.svd(token_table.double(), full_matrices=False).Vh.T
    signed = (basis * (layer_weight.double() @ basis)).sum(0)
    return (basis * signed) @ basis.T


@dataclass(frozen=True)
class Scores:
    """margin: mean logit margin of neighbours over non-neighbours. accuracy: top-1, a share in [0, 1]."""

    margin: float
    accuracy: float


def bilinear_scores(
    token_table: Float[Tensor, "v m"], middle: Float[Tensor, "m m"], edges: Int[Tensor, "e 2"]
) -> Scores:
    """Score S = E M E^T on the edges, in chunks of rows.

    margin: mean over nodes with a neighbour of [largest logit among neighbours - largest among non-neighbours]; the
    node itself is neither, and every other token, special ones too, is a non-neighbour. accuracy: share of those nodes
    whose arg-max over all tokens, itself included, is a neighbour other than itself.
    Raises InputError when no node has a neighbour other than itself, or none has a non-neighbour.
    """
    table = token_table.double()
    neighbours = Neighbours.from_edges(edges[edges[:, 0] != edges[:, 1]], len(table))
    degrees = neighbours.degrees
    nodes = torch.nonzero((degrees > 0) & (degrees < len(table) - 1)).flatten()
    if len(nodes) == 0:
        raise InputError("edges: every node is a neighbour of all tokens; a margin needs a non-neighbour")
    margins, hits = table.new_zeros(len(nodes)), torch.zeros(len(nodes), dtype=torch.bool, device=table.device)
    for part in row_chunks(len(nodes), len(table)):
        chunk = nodes[part]
        scores = table[chunk] @ middle.double() @ table.T
        rows, targets = neighbours.of(chunk)
        true = torch.zeros_like(scores, dtype=torch.bool)
        true[rows, targets] = True
        own = torch.zeros_like(true)
        own[torch.arange(len(chunk), device=table.device), chunk] = True
        best = scores.masked_fill(~true, -torch.inf).amax(1)
        margins[part] = best - scores.masked_fill(true | own, -torch.inf).amax(1)
        hits[part] = true.gather(1, scores.argmax(1, keepdim=True))[:, 0]
    return Scores(float(margins.mean()), float(hits.double().mean()))


def measure_skewed_low_rank(
    token_table: Float[Tensor, "v m"], layer_weight: Float[Tensor, "m m"], edges: Int[Tensor, "e 2"]
) -> dict[str, float]:
    """Return margin and top-1 accuracy of S0, of S1 (the geometric margin) and of what the network computes, E W^T E^T.

    layer_weight is W as torch.nn.Linear stores it, (out, in).
    """
    stored = bilinear_scores(token_table, layer_weight, edges)
    reduced = bilinear_scores(token_table, diagonal_part(token_table, layer_weight), edges)
    network = bilinear_scores(token_table, layer_weight.T, edges)
    degrees = torch.bincount(edges[edges[:, 0] != edges[:, 1]][:, 0])
    return {
        "margin_s0": stored.margin,
        "margin_s1": reduced.margin,
        "margin_network": network.margin,
        "accuracy_s0": stored.accuracy,
        "accuracy_s1": reduced.accuracy,
        "accuracy_network": network.accuracy,
        "accuracy_chance": float(degrees[degrees > 0].double().mean() / len(token_table)),
    }


SKEWED_LOW_RANK = Measurement(
    name="skewed-low-rank",
    function=measure_skewed_low_rank,
    source="arXiv 2510.26745 and released code, regulariser notebooks",
    chance="margin 0 or below; accuracy mean degree / vocabulary (key accuracy_chance)",
)
