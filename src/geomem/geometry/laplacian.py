"""The Laplacian whose eigenvectors Node2Vec falls towards.

Source: arXiv 2510.26745, Section 4 and Appendix F: L = (I - W) + (I - W)^T with the random walk W = D^-1 A, so that
-L = W + W^T - 2I is symmetric. A is symmetric 0/1; self-edges stay on its diagonal and count once in the degree.
A walker on an isolated node stays there: its row of -L is zero, and the node is a trivial direction of its own.
On a graph whose hubs have degree d the eigenvalues of -L reach about +-sqrt(d)/2; only near-regular graphs keep them
within [-4, 0].
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.sparse import coo_array, csr_array, diags_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from geomem.geometry.neighbours import check_edges

TIE = 1e-5
"""Eigenvalues nearer than this are one block (the rounding of the released plots)."""


def adjacency(edges: Int[Tensor, "e 2"], num_nodes: int) -> csr_array:
    """Return the symmetric 0/1 adjacency matrix (N, N) of directed or undirected pairs, self-edges on the diagonal."""
    check_edges(edges, num_nodes)
    pairs = edges.detach().cpu().numpy()
    both = np.concatenate([pairs, pairs[:, ::-1]])
    matrix = coo_array((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(num_nodes, num_nodes)).tocsr()
    matrix.data[:] = 1.0
    return matrix


def laplacian_operator(edges: Int[Tensor, "e 2"], num_nodes: int) -> csr_array:
    """Return -L (N, N), float64, symmetric, sparse; equal to M + M^T with M = D^-1 (A - D)."""
    matrix = adjacency(edges, num_nodes)
    degrees = matrix.sum(axis=1)
    inverse = np.divide(1.0, degrees, out=np.zeros_like(degrees), where=degrees > 0)
    walk = diags_array(inverse) @ matrix
    return csr_array(walk + walk.T - diags_array(2.0 * (degrees > 0)))


def component_labels(edges: Int[Tensor, "e 2"], num_nodes: int) -> Int[Tensor, " n"]:
    """Return for every node the number of its connected component; isolated nodes are components of their own."""
    _, labels = connected_components(adjacency(edges, num_nodes), directed=False)
    return torch.from_numpy(labels.astype(np.int64))


def cycle_spectrum(num_nodes: int) -> Float[Tensor, " n"]:
    """Return the eigenvalues of -L of the n-cycle in closed form, descending: 2 cos(2 pi k / n) - 2, k = 0..n-1."""
    angles = 2 * torch.pi * torch.arange(num_nodes, dtype=torch.float64) / num_nodes
    return (2 * angles.cos() - 2).sort(descending=True).values
