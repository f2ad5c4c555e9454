"""Sizes of the study at its three scales."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from geomem.errors import InputError
from geomem.spec import Spec

SEED_LETTERS = 36
"""Letters of a seed, as in the paper; half of the seeds are kept for tests."""


class Training(Spec):
    """What all methods of a task share: the network, the optimiser and how many sequences it passes.

    passes: batches of sequences that go through the network. A method that reads every example twice a step takes half
    as many steps, so that methods are compared at equal passes.
    """

    width: int = Field(default=64, ge=1)
    layers: int = Field(default=2, ge=1)
    heads: int = Field(default=4, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    batch: int = Field(default=64, ge=1, description="examples a step")
    lr: float = Field(default=1e-3, gt=0)
    warmup: int = Field(default=0, ge=0, description="steps of linear warm-up; the rate is constant then")
    passes: int = Field(default=3500, ge=4, description="batches that go through the network")
    evaluations: int = Field(default=14, ge=2, description="times that outputs are sampled in training")
    seed_length: int = Field(default=4, ge=1, description="letters of a seed")
    temperatures: tuple[float, ...] = Field(default=(0.0, 0.5, 1.0), description="temperatures; 0 and 1 are judged")

    @model_validator(mode="after")
    def _judged(self) -> Self:
        if not {0.0, 1.0} <= set(self.temperatures):
            raise InputError(f"temperatures: 0 and 1 must be among them, got {self.temperatures}")
        return self


class Siblings(Training):
    """Sibling discovery."""

    parents: int = Field(default=5, ge=1)
    children: int = Field(default=40, ge=1, description="children of each type that a parent has")
    train_size: int = Field(default=1000, ge=1)
    held_out_size: int = Field(default=200, ge=1)
    samples: int = Field(default=1000, ge=1)
    seed_lengths: tuple[int, ...] = Field(
        default=(0, 3, 6), min_length=2, description="lengths of seeds that are compared, ascending"
    )

    @property
    def epochs(self) -> float:
        """Times that next-token training passes every example."""
        return self.passes * self.batch / self.train_size

    @model_validator(mode="after")
    def _lengths(self) -> Self:
        if list(self.seed_lengths) != sorted(set(self.seed_lengths)):
            raise InputError(f"seed_lengths: must ascend, got {self.seed_lengths}")
        for length in (self.seed_length, *self.seed_lengths):
            if length > 0 and SEED_LETTERS**length // 2 < self.train_size:
                raise InputError(
                    f"seed_lengths: {length} letters give {SEED_LETTERS**length // 2} seeds to train with, too few for "
                    f"{self.train_size} examples"
                )
        return self


class Triangles(Training):
    """Triangle discovery; `batch` are triangles, with twice as many edges beside them."""

    nodes: int = Field(default=99, ge=4)
    train_triangles: int = Field(default=300, ge=1)
    train_edges: int = Field(default=600, ge=1)
    samples: int = Field(default=500, ge=1)


class EdgeLists(Training):
    """Circle and line construction."""

    entities: int = Field(default=6, ge=3)
    nodes: int = Field(default=5, ge=3, description="nodes of a circle; a line has one more where there are so many")
    train_size: int = Field(default=500, ge=1)
    held_out_size: int = Field(default=100, ge=1)
    samples: int = Field(default=500, ge=1)

    @property
    def line_nodes(self) -> int:
        """Nodes of a line, so that it has as many edges as a circle where there are enough entities."""
        return min(self.entities, self.nodes + 1)


class Settings(Spec):
    """All settings of the study at one scale."""

    siblings: Siblings = Siblings()
    triangles: Triangles = Triangles(batch=32, passes=3000, evaluations=6)
    lists: EdgeLists = EdgeLists(passes=1500, evaluations=5)


LAPTOP = Settings()

SMOKE = Settings(
    siblings=Siblings(width=16, layers=1, heads=2, passes=24, evaluations=3, seed_length=3, parents=2, children=5,
                      train_size=20, held_out_size=5, samples=40, seed_lengths=(0, 2)),
    triangles=Triangles(width=16, layers=1, heads=2, passes=8, evaluations=2, batch=8, nodes=30, train_triangles=20,
                        train_edges=40, samples=20),
    lists=EdgeLists(width=16, layers=1, heads=2, passes=8, evaluations=2, entities=5, nodes=4, train_size=20,
                    held_out_size=5, samples=20),
)  # fmt: skip

# Triangles, circles and lines start from a pretrained GPT-2 in the release; here every network starts at random.
_GPT2 = {"width": 768, "heads": 12, "dropout": 0.1, "lr": 1e-4, "warmup": 2000, "seed_length": 10, "evaluations": 40}
PAPER = Settings(
    siblings=Siblings.model_validate({**_GPT2, "layers": 8, "passes": 800_000, "children": 500, "train_size": 50_000,
                                      "held_out_size": 6250, "samples": 3000, "seed_lengths": (0, 4, 10)}),
    triangles=Triangles.model_validate({**_GPT2, "layers": 12, "passes": 800_000, "batch": 21, "nodes": 999,
                                        "train_triangles": 5000, "train_edges": 10_000, "samples": 1024}),
    lists=EdgeLists.model_validate({**_GPT2, "layers": 12, "passes": 40_000, "entities": 10, "nodes": 9,
                                    "train_size": 10_000, "held_out_size": 1000, "samples": 1024}),
)  # fmt: skip
