"""Sibling discovery: two children of one parent, then the parent (arXiv 2504.15266, section 2).

    <q>  ->  b1_j b2_k a_p </a>

Each parent has children of two types, and no child has two parents. The families are stated by such triples alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from geomem.seeding import numpy_generator
from geomem.tasks.entities import EntityVocabulary
from geomem.tasks.open_ended import DrawnObjects, OpenEnded, split_drawn
from geomem.tasks.task import Evidence

if TYPE_CHECKING:
    from geomem.tasks.open_ended_specs import SiblingDiscoverySpec


class SiblingTriples(DrawnObjects):
    """Triples of m parents with n children of each type; parent p has the children p n, ..., p n + n - 1 of a type."""

    def __init__(self, parents: int, children: int) -> None:
        self.parents, self.children = parents, children
        each = parents * children
        self.vocabulary = EntityVocabulary((("a", parents), ("b1_", each), ("b2_", each)))
        self.prompt = self.vocabulary.mark("<q>")
        self.choices = (each, each, parents, 1)
        self.count, self.spellings = parents * children**2, 1

    def draw(self, count: int, generator: np.random.Generator) -> Tensor:
        """Return (count, 4) triples, uniform over all of them."""
        each = self.parents * self.children
        parent = generator.integers(self.parents, size=count)
        rows = np.empty((count, 4), dtype=np.int64)
        rows[:, 0] = self.parents + parent * self.children + generator.integers(self.children, size=count)
        rows[:, 1] = self.parents + each + parent * self.children + generator.integers(self.children, size=count)
        rows[:, 2], rows[:, 3] = parent, self.vocabulary.end
        return torch.from_numpy(rows)

    def coherent(self, answers: Tensor) -> Tensor:
        """Return whether a child of each type stands before the parent of both, and nothing else."""
        first, second, parent, end = answers.unbind(1)
        each = self.parents * self.children
        one, two = first - self.parents, second - self.parents - each
        typed = (one >= 0) & (one < each) & (two >= 0) & (two < each) & (end == self.vocabulary.end)
        return typed & (one // self.children == parent) & (two // self.children == parent)

    def canonical(self, answers: Tensor) -> Tensor:
        """Return the answers themselves: a triple is written in one way."""
        return answers

    def evidence(self) -> dict[str, Evidence]:
        """Return the graph that lies in the weights: each parent joined to its children, and whose family each is."""
        children = torch.arange(2 * self.parents * self.children)
        parents = children % (self.parents * self.children) // self.children
        pairs = torch.stack([parents, self.parents + children], dim=1)
        families = torch.cat([torch.arange(self.parents), parents])
        edges = torch.cat([pairs, pairs.flip(1)])
        return {**super().evidence(), "edges": edges, "graph_edges": pairs, "families": families}


def sibling_discovery(spec: SiblingDiscoverySpec, seed: int) -> OpenEnded:
    """Build the task. Streams: "siblings"."""
    objects = SiblingTriples(spec.parents, spec.children)
    generator = numpy_generator(seed, "data", "examples")
    answers = split_drawn(objects, spec.held_out_size, spec.train_size, generator)
    return OpenEnded(spec, seed, "siblings", objects, answers)
