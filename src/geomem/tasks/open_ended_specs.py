"""Settings of the open-ended tasks of arXiv 2504.15266; importing them does not import torch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, field_validator, model_validator

from geomem.errors import InputError
from geomem.spec import Spec

if TYPE_CHECKING:
    from geomem.tasks.open_ended import OpenEnded
    from geomem.tasks.triangles import TriangleDiscovery


class OpenEndedSpec(Spec):
    """Settings of a task whose outputs are to be new."""

    samples: int = Field(default=1000, ge=1, description="outputs that are sampled at each temperature")
    temperatures: tuple[float, ...] = Field(
        default=(0.0, 1.0),
        min_length=1,
        description="temperatures that outputs are sampled at; 0: the most likely token",
    )
    top_k: int | None = Field(
        default=None, ge=1, description="sample from the k most likely tokens alone; default: from all"
    )

    @field_validator("temperatures")
    @classmethod
    def _distinct(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        names = [f"{one:g}" for one in value]
        if min(value) < 0 or len(set(names)) < len(names):
            raise InputError(f"must be at least 0 and all different, got {', '.join(names)}")
        return value


class _ExamplesSpec(OpenEndedSpec):
    """Settings of a task whose examples are drawn without replacement from all there are."""

    held_out_size: int = Field(default=1000, ge=1, description="examples set aside, whose loss is scored")
    train_size: int = Field(default=10_000, ge=1, description="training examples, all different")

    @property
    def examples(self) -> int:
        """How many different examples there are."""
        raise NotImplementedError

    def _check_examples(self) -> None:
        if self.train_size + self.held_out_size > self.examples:
            raise InputError(
                f"train_size: only {self.examples} different examples exist, got {self.train_size} to train on and "
                f"{self.held_out_size} held out"
            )


class SiblingDiscoverySpec(_ExamplesSpec):
    """Name two children of one parent, then the parent; the families are learned from examples (arXiv 2504.15266)."""

    kind: Literal["sibling-discovery"] = "sibling-discovery"
    parents: int = Field(default=5, ge=1, description="parents")
    children: int = Field(default=40, ge=1, description="children of each of the two types that a parent has")
    held_out_size: int = Field(default=200, ge=1, description="examples set aside, whose loss is scored")
    train_size: int = Field(default=1000, ge=1, description="training examples, all different")

    @property
    def examples(self) -> int:
        """How many coherent triples there are: parents * children^2."""
        return self.parents * self.children**2

    @model_validator(mode="after")
    def _enough(self) -> Self:
        self._check_examples()
        return self

    def build(self, seed: int) -> OpenEnded:
        """Build the task; `seed` decides which triples are trained on and which held out."""
        from geomem.tasks.siblings import sibling_discovery

        return sibling_discovery(self, seed)


class TriangleDiscoverySpec(OpenEndedSpec):
    """Name the sides of a triangle of one graph, whose edges and triangles are examples (arXiv 2504.15266)."""

    kind: Literal["triangle-discovery"] = "triangle-discovery"
    nodes: int = Field(default=999, ge=4, le=1_000_000, description="nodes of the graph")
    degree: int = Field(default=3, ge=1, description="degree up to which every node is connected first")
    closures: int = Field(default=6, ge=1, le=10_000, description="times that each node connects two of its neighbours")
    train_triangles: int = Field(
        default=5000, ge=1, description="training examples that state a triangle, drawn at random"
    )
    train_edges: int = Field(default=10_000, ge=1, description="training examples that state an edge, drawn at random")
    held_out_share: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        description="share of the triangles that is never trained on, and whose loss is scored",
    )

    def build(self, seed: int) -> TriangleDiscovery:
        """Build the task; `seed` decides the graph and what is drawn.

        Raises InputError when the graph has too few triangles to hold one out and train on another.
        """
        from geomem.tasks.triangles import TriangleDiscovery

        return TriangleDiscovery(self, seed)


class _EdgeListSpec(_ExamplesSpec):
    entities: int = Field(default=10, ge=3, description="entities to draw from")

    def _check_length(self, length: int, shape: str) -> None:
        if length > self.entities:
            raise InputError(f"length: a {shape} of {length} nodes needs as many entities, got {self.entities}")
        self._check_examples()


class CircleConstructionSpec(_EdgeListSpec):
    """Write the edges of a circle through some entities, in any order (arXiv 2504.15266)."""

    kind: Literal["circle-construction"] = "circle-construction"
    length: int = Field(default=9, ge=3, description="nodes of a circle")

    @property
    def examples(self) -> int:
        """How many examples there are: choices of nodes, directed circles through them, orders of their edges."""
        n = self.length
        return math.comb(self.entities, n) * math.factorial(n - 1) * math.factorial(n)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self._check_length(self.length, "circle")
        return self

    def build(self, seed: int) -> OpenEnded:
        """Build the task; `seed` decides which circles are trained on and which held out."""
        from geomem.tasks.circles import circle_construction

        return circle_construction(self, seed)


class LineConstructionSpec(_EdgeListSpec):
    """Write the edges of a path through some entities, in any order (arXiv 2504.15266)."""

    kind: Literal["line-construction"] = "line-construction"
    length: int = Field(default=10, ge=3, description="nodes of a line; it has one edge less")

    @property
    def examples(self) -> int:
        """How many examples there are: sequences of distinct nodes, orders of their edges."""
        return math.perm(self.entities, self.length) * math.factorial(self.length - 1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self._check_length(self.length, "line")
        return self

    def build(self, seed: int) -> OpenEnded:
        """Build the task; `seed` decides which lines are trained on and which held out."""
        from geomem.tasks.lines import line_construction

        return line_construction(self, seed)
