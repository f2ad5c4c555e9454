"""Sizes and hyper-parameters of the study at its three scales.

The path-star and its recipe are those of the study `geometric-memory` (edges alone, then edges and paths), so that only
the objective differs; the families are those of `algorithmic-creativity` at its small size.
"""

from __future__ import annotations

from pydantic import Field

from geomem.spec import Spec
from geomem.studies.geometric_memory.settings import PathStar


class Families(Spec):
    """Sibling discovery, and the Transformer that learns it."""

    parents: int = Field(default=5, ge=2, description="parents")
    children: int = Field(default=40, ge=2, description="children of each type that a parent has")
    train_size: int = Field(default=1000, ge=1, description="training triples")
    held_out_size: int = Field(default=200, ge=1, description="triples set aside")
    samples: int = Field(default=1000, ge=1, description="outputs that are sampled")
    seed_length: int = Field(default=4, ge=1, description="letters of the seed before every prompt")
    width: int = 64
    layers: int = 2
    heads: int = 4
    passes: int = Field(default=2000, ge=2, description="passes of a batch through the model, equal for all objectives")
    batch: int = 64
    lr: float = 1e-3
    evaluate_every: int = Field(default=250, ge=1, description="passes between evaluations")


class Settings(Spec):
    """All settings of the study at one scale."""

    path_star: PathStar = PathStar(arms=100, length=4, path_steps=600)
    families: Families = Families()
    seed_length: int = Field(default=4, ge=1, description="letters of the seed in the path experiment")
    pauses: int = Field(default=4, ge=1, description="pauses before the answer in the path experiment")
    slots: int = Field(default=3, ge=2, description="steps at most for one token under Catch Your Breath")


LAPTOP = Settings()

# Seconds, to show that everything runs: sizes at which no claim can be expected to hold.
SMOKE = Settings(
    path_star=PathStar(arms=12, length=4, width=16, layers=1, heads=2, edge_steps=8, path_steps=8, frozen_edge_steps=8,
                       evaluate_every=8),
    families=Families(parents=3, children=5, train_size=40, held_out_size=10, samples=20, width=16, layers=1, heads=2,
                      passes=8, batch=16, evaluate_every=4, seed_length=2),
    seed_length=2,
    pauses=1,
    slots=2,
)  # fmt: skip

PAPER = Settings(
    path_star=PathStar(arms=5000, length=5, width=384, layers=12, heads=8, edge_steps=1500, path_steps=6000,
                       edge_lr=5e-4, path_lr=2e-4, warmup=100, edge_batch=4096, path_batch=1024,
                       frozen_edge_steps=3000, frozen_edge_lr=1e-3, frozen_path_lr=5e-4, evaluate_every=250),
    families=Families(children=500, train_size=50_000, held_out_size=6250, samples=3000, seed_length=10, width=768,
                      layers=8, heads=12, passes=800_000, lr=1e-4, evaluate_every=20_000),
    seed_length=10,
    pauses=5,
)  # fmt: skip
