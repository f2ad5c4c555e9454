"""Circles and lines as lists of edges: written, checked and brought to a canonical form (arXiv 2504.15266, section 2).

    <q>  ->  x y <sep> y z <sep> ... </a>

The entities are drawn anew for every example and mean nothing; what is learned is the form.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from geomem.tasks.creativity import renamed
from geomem.tasks.entities import EntityVocabulary
from geomem.tasks.open_ended import DrawnObjects


class EdgeLists(DrawnObjects):
    """Connected graphs on `nodes` out of N entities in which no node has more than two edges, E edges in all.

    E = nodes: circles. E = nodes - 1: lines. An example goes along the circle or line, its edges pointing that way,
    and states them in random order. A coherent answer may state each edge in either direction.
    """

    def __init__(self, entities: int, nodes: int, edges: int) -> None:
        self.entities, self.nodes, self.edges = entities, nodes, edges
        self.vocabulary = EntityVocabulary((("x", entities),))
        self.prompt = self.vocabulary.mark("<q>")
        self.choices = (entities, entities, 1) * edges
        shapes = math.factorial(nodes - 1) if edges == nodes else math.factorial(nodes)
        # A pattern holds all nodes, so that no renaming but the identity leaves a list as it is: all spellings of a
        # pattern are different, and each names the nodes in one of N! / (N - n)! ways.
        self.spellings = math.perm(entities, nodes)
        self.count = shapes * math.factorial(edges) * 2**edges // 2 // math.factorial(nodes)

    def draw(self, count: int, generator: np.random.Generator) -> Tensor:
        """Return (count, 3 E) examples."""
        path = generator.permuted(np.tile(np.arange(self.entities), (count, 1)), axis=1)
        order = generator.permuted(np.tile(np.arange(self.edges), (count, 1)), axis=1)
        written = np.full((count, self.edges, 3), self.vocabulary.separator)
        written[:, :, 0] = path[:, : self.edges]
        written[:, : self.nodes - 1, 1] = path[:, 1 : self.nodes]
        written[:, self.nodes - 1 :, 1] = path[:, :1]
        # An edge is moved as a whole, three tokens in a row.
        order += np.arange(0, count * self.edges, self.edges)[:, None]
        rows = written.reshape(-1, 3).take(order.ravel(), axis=0).reshape(count, 3 * self.edges)
        rows[:, -1] = self.vocabulary.end
        return torch.from_numpy(rows)

    def coherent(self, answers: Tensor) -> Tensor:
        """Return whether an answer is E pairs of entities, rightly separated and ended, that form one circle or line.

        One line: n nodes occur, connected by n - 1 edges, none more than twice. One circle, n > 2: the same with n
        edges. The number of edges is part of the form, so that a smaller circle is none of this length.
        """
        pairs = answers.unflatten(1, (self.edges, 3))
        marks = torch.full((self.edges,), self.vocabulary.separator, device=answers.device)
        marks[-1] = self.vocabulary.end
        named = (pairs[..., :2] < self.entities).all(2).all(1)
        written = named & (pairs[..., 2] == marks).all(1)
        ends = pairs[..., :2].clamp(max=self.entities - 1).flatten(1)
        degrees = torch.zeros(len(answers), self.entities, dtype=torch.int64, device=answers.device)
        degrees.scatter_add_(1, ends, torch.ones_like(ends))
        fits = ((degrees > 0).sum(1) == self.nodes) & (degrees <= 2).all(1)
        return written & fits & self._connected(ends, degrees > 0)

    def canonical(self, answers: Tensor) -> Tensor:
        """Return (B, 2 E): the pattern, nodes named in the order in which they appear; a new naming is not new."""
        return renamed(answers.unflatten(1, (self.edges, 3))[..., :2].flatten(1))

    def _connected(self, ends: Tensor, used: Tensor) -> Tensor:
        """Return (B,) bool, whether all nodes in use (B, N) hang together by edges (B, 2 E)."""
        sources, targets = ends.unflatten(1, (self.edges, 2)).unbind(2)
        places = torch.arange(self.entities, device=ends.device)
        label = places.expand(len(ends), -1).clone()
        # The least label spreads by one edge a round; a line or circle of n nodes is crossed in n - 1.
        for _ in range(self.nodes - 1):
            least = torch.minimum(label.gather(1, sources), label.gather(1, targets))
            label.scatter_reduce_(1, sources, least, "amin")
            label.scatter_reduce_(1, targets, least, "amin")
        return (used & (label == places)).sum(1) == 1
