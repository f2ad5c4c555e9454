"""Small graphs as edge tensors, made here so that these tests need no other room."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

IRREGULAR = (
    "0-1 1-2 2-3 1-3 3-4 4-5 5-6 6-7 7-8 5-8 8-9 9-10 10-11 11-0 12-13 12-14 12-15 13-14 13-15 14-15"  # two components
)


def path_star(arms: int, length: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Undirected edges (E, 2) and paths (d, l) of G(d, l) with shuffled ids."""
    ids = torch.from_numpy(np.random.default_rng(seed).permutation(arms * (length - 1) + 1))
    paths = torch.cat([ids[:1].expand(arms, 1), ids[1:].reshape(arms, length - 1)], dim=1)
    return torch.stack([paths[:, :-1].flatten(), paths[:, 1:].flatten()], dim=1), paths


def cycle(count: int) -> Tensor:
    nodes = torch.arange(count)
    return torch.stack([nodes, (nodes + 1) % count], dim=1)


def grid(rows: int, columns: int) -> Tensor:
    ids = torch.arange(rows * columns).reshape(rows, columns)
    right = torch.stack([ids[:, :-1].flatten(), ids[:, 1:].flatten()], dim=1)
    down = torch.stack([ids[:-1].flatten(), ids[1:].flatten()], dim=1)
    return torch.cat([right, down])


def irregular() -> Tensor:
    return torch.tensor([[int(node) for node in edge.split("-")] for edge in IRREGULAR.split()])


def complete(count: int) -> Tensor:
    return torch.triu_indices(count, count, offset=1).T.contiguous()


def random_graph(count: int, edges: int, seed: int = 0) -> Tensor:
    pairs = np.random.default_rng(seed).integers(0, count, (edges, 2))
    return torch.from_numpy(pairs[pairs[:, 0] != pairs[:, 1]])


def both(edges: Tensor) -> Tensor:
    return torch.unique(torch.cat([edges, edges.flip(1)]), dim=0)


def with_self_edges(edges: Tensor, count: int) -> Tensor:
    nodes = torch.arange(count)
    return torch.cat([edges, torch.stack([nodes, nodes], dim=1)])


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rotation(size: int, seed: int = 0) -> Tensor:
    return torch.linalg.qr(normal(size, size, seed=seed)).Q
