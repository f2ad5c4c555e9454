"""Examples to step through: a graph, the path that was asked for, the one a model gave, and where it went wrong."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from geomem.runs.exhibit_parts import ExhibitBase, Matrix, NodeLists, Nodes, Part, Words

ELSEWHERE = -1
"""Stands in a path for a token that is no node of the graph."""


class Example(Part):
    """One prompt and what a model answered.

    verdict: a few words on the answer. right: whether it is. prompt, answer, expected: tokens by name; expected is
    empty where many answers are right. wrong: place of the answer's first wrong token, or None. labels: a name a node.
    positions: (n, 2), where it is drawn, y upwards. edges: (E, 2) node pairs. true_path: nodes of the right answer, in
    order; empty where there is none of its own. path: nodes that the model named, in order, `ELSEWHERE` for a token
    that is no node. marked: nodes the question names, such as start and goal.
    """

    title: str
    verdict: str
    right: bool
    prompt: Words = ()
    answer: Words = ()
    expected: Words = ()
    wrong: int | None = Field(default=None, ge=0)
    labels: Words = Field(min_length=1)
    positions: Matrix
    edges: NodeLists = ()
    true_path: Nodes = ()
    path: Nodes = ()
    marked: Nodes = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        count = len(self.labels)
        if len(self.positions) != count or any(len(row) != 2 for row in self.positions):
            raise ValueError(f"example '{self.title}': positions must be ({count}, 2), one row a label")
        if any(len(edge) != 2 for edge in self.edges):
            raise ValueError(f"example '{self.title}': edges must be pairs of nodes")
        for name, nodes, least in (
            ("edges", tuple(node for edge in self.edges for node in edge), 0),
            ("true_path", self.true_path, 0),
            ("marked", self.marked, 0),
            ("path", self.path, ELSEWHERE),
        ):
            if any(not least <= node < count for node in nodes):
                raise ValueError(f"example '{self.title}': {name} names a node outside {least}..{count - 1}")
        if self.wrong is not None and self.wrong >= len(self.answer):
            raise ValueError(f"example '{self.title}': token {self.wrong} is outside an answer of {len(self.answer)}")
        return self


class Examples(ExhibitBase):
    """Examples, one shown at a time; all of them where there is no JavaScript."""

    kind: Literal["examples"] = "examples"
    examples: tuple[Example, ...] = Field(min_length=1)
