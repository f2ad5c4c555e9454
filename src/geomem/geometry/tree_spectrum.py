"""The covariance of features that diffuse down a tree: its eigenvalues by level, and the contrasts they belong to.

A feature is +1 or -1 at the root with equal probability, and every edge flips it with probability eps. Two leaves whose
nearest common ancestor stands at level k of a tree of depth T have the correlation q_k = (1 - 2 eps)^(2 (T - k)).
Source: arXiv 1312.6120, section 2 (hierarchies); arXiv 1810.10531, supplement.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from geomem.errors import InputError


@dataclass(frozen=True)
class TreeSpectrum:
    """eigenvalues: (T + 1,) float64, of level 0 (all leaves alike) to T. multiplicities: (T + 1,) int64, summing to P.

    A level at which nodes have one child adds no contrast: its multiplicity is 0.
    """

    eigenvalues: Float[Tensor, " levels"]
    multiplicities: Int[Tensor, " levels"]

    def singular_values(self, features: int) -> Float[Tensor, " levels"]:
        """Return s_l = sqrt(features * lambda_l), what features (N3, P) and one-hot items have in expectation."""
        return (features * self.eigenvalues).sqrt()


def tree_spectrum(branching: Sequence[int], flip: float) -> TreeSpectrum:
    """Return the eigenvalues of the leaf covariance (P, P) by level, with their multiplicities.

    lambda_l = sum over k from l to T of (q_k - q_(k-1)) M_k, with q_(-1) = 0 and M_k the leaves below a node of level
    k. branching: children of a node at levels 0..T - 1. flip: eps in [0, 1/2].
    Raises InputError for other values. Between 0 and 1/2 the eigenvalues fall strictly with the level.
    """
    alike, below = _alike(branching, flip), _leaves_below(branching)
    steps = torch.diff(alike, prepend=alike.new_zeros(1)) * below
    nodes = below[0] / below
    multiplicities = torch.diff(nodes, prepend=nodes.new_zeros(1))
    return TreeSpectrum(steps.flip(0).cumsum(0).flip(0), multiplicities.round().long())


def tree_covariance(branching: Sequence[int], flip: float) -> Float[Tensor, "p p"]:
    """Return E[y_i y_j] of a feature at leaves i and j, (P, P) float64, leaves in the order of a depth-first walk."""
    alike, below = _alike(branching, flip), _leaves_below(branching)
    leaves = torch.arange(int(below[0]))
    level = torch.zeros(len(leaves), len(leaves), dtype=torch.long)
    for size in below[1:].long().tolist():
        ancestor = leaves // size
        level += ancestor[:, None] == ancestor
    return alike[level]


def level_contrasts(branching: Sequence[int]) -> tuple[Float[Tensor, "p p"], Int[Tensor, " p"]]:
    """Return an orthonormal basis of contrasts between subtrees, one a column, and the level of each.

    Column 0 (level 0) is constant. A contrast of level l sets children of one node at level l - 1 against each other,
    as Haar wavelets do, with the weights of Helmert's matrix where there are more than two.
    They are eigenvectors of `tree_covariance` for every eps.
    """
    below = _leaves_below(branching).long().tolist()
    count = below[0]
    columns = [torch.full((count,), 1 / math.sqrt(count), dtype=torch.float64)]
    levels = [0]
    for level, children in enumerate(branching, start=1):
        size = below[level]
        for node in range(count // below[level - 1]):
            begin = node * below[level - 1]
            for older in range(1, children):
                column = torch.zeros(count, dtype=torch.float64)
                column[begin : begin + older * size] = 1.0
                column[begin + older * size : begin + (older + 1) * size] = -float(older)
                columns.append(column / column.norm())
                levels.append(level)
    return torch.stack(columns, 1), torch.tensor(levels)


def _alike(branching: Sequence[int], flip: float) -> Tensor:
    """Return q_0..q_T."""
    if not 0 <= flip <= 0.5:
        raise InputError(f"flip: a probability of flipping from 0 to 0.5, got {flip}")
    depth = len(branching)
    return (1 - 2 * flip) ** (2 * (depth - torch.arange(depth + 1, dtype=torch.float64)))


def _leaves_below(branching: Sequence[int]) -> Tensor:
    """Return the number of leaves below a node of levels 0..T, (T + 1,) float64."""
    if not branching or any(children < 1 for children in branching):
        raise InputError(f"branching: at least one level, at least one child a node; got {tuple(branching)}")
    sizes = [math.prod(branching[level:]) for level in range(len(branching) + 1)]
    return torch.tensor(sizes, dtype=torch.float64)
