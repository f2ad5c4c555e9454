"""Sizes and hyper-parameters of the study at its three scales.

Laptop settings are pilots' (small Transformer, distinct contexts, edges first and then both); paper settings are the
published sizes (arXiv 2510.26745, Table 1). Changing one with --set is recorded in the run's header.
"""

from __future__ import annotations

from pydantic import Field

from geomem.spec import Spec


class PathStar(Spec):
    """The in-weights path-star and the Transformer that learns it."""

    arms: int = Field(default=250, ge=4, description="arms of the star, d")
    length: int = Field(default=4, ge=2, description="nodes of a path, root included, l")
    width: int = 64
    layers: int = 2
    heads: int = 4
    pauses: int = 1
    edge_steps: int = Field(default=150, ge=1, description="steps on edges alone")
    path_steps: int = Field(default=350, ge=1, description="steps on edges and paths together")
    edge_lr: float = 3e-3
    path_lr: float = 1e-3
    warmup: int = 0
    weight_decay: float = 0.01
    path_share: float = Field(default=0.25, gt=0, lt=1, description="share of the path loss in the joint stage")
    edge_batch: int | None = Field(default=None, description="contexts a step; none: all")
    path_batch: int | None = Field(default=None, description="paths a step; none: all")
    frozen_edge_steps: int = Field(
        default=450, ge=1, description="the control gets more steps, to store the edges without geometry"
    )
    frozen_edge_lr: float = 1e-2
    frozen_path_lr: float = 3e-3
    evaluate_every: int = 25


class Size(Spec):
    """A further path-star for the path-finding experiment."""

    arms: int
    length: int
    width: int
    pauses: int


class Tiny(Spec):
    """The tiny graphs. Steps and rates per model and graph are the release's (arXiv 2510.26745), times `effort`."""

    graphs: tuple[str, ...] = ("star", "grid", "cycle", "irregular")
    effort: float = Field(default=1.0, gt=0, description="multiplies every number of steps; 1 = the release's")
    node2vec_steps: int = 10_000


class Countries(Spec):
    """The country borders."""

    width: int = 64
    layers: int = 2
    heads: int = 4
    steps: int = 300
    lr: float = 3e-3
    frozen_steps: int = 600
    frozen_lr: float = 1e-2


class InContext(Spec):
    """The in-context reference: fresh small stars in the prompt."""

    arms: tuple[int, ...] = (2, 5)
    length: int = 5
    width: int = 64
    layers: int = 3
    heads: int = 4
    steps: int = 1500
    batch: int = 128
    lr: float = 1e-3


class TreeStar(Spec):
    """The tree-star: branching below the root's children."""

    arms: int = 64
    branching: int = 2
    length: int = 4
    path_steps: int = 600


class Mamba(Spec):
    """The state-space model on the path-star."""

    arms: int = 100
    length: int = 4
    width: int = 64
    layers: int = 2
    edge_steps: int = 200
    path_steps: int = 400
    edge_lr: float = 3e-3
    path_lr: float = 1e-3


class Settings(Spec):
    """All settings of the study at one scale."""

    path_star: PathStar = PathStar()
    sizes: tuple[Size, ...] = ()
    tiny: Tiny = Tiny()
    countries: Countries = Countries()
    ablation_arms: int = Field(default=100, ge=4, description="arms of the star in the ablations")
    full_length: int = Field(default=5, ge=4, description="nodes of a path in the full-path and cascade experiment")
    full_path_steps: int = Field(default=600, ge=1)
    pauses: tuple[int, ...] = (0, 1, 2, 4)
    path_shares: tuple[float, ...] = Field(
        default=(0.05, 0.25, 0.5, 0.9), description="shares of the path loss when edges and paths start together"
    )
    path_share_steps: int = Field(default=400, ge=1)
    in_context: InContext = InContext()
    tree_star: TreeStar = TreeStar()
    mamba: Mamba = Mamba()


LAPTOP = Settings()

# Seconds, to show that everything runs: sizes at which some claims cannot be expected to hold.
SMOKE = Settings(
    path_star=PathStar(arms=24, length=3, width=32, layers=1, edge_steps=30, path_steps=30, frozen_edge_steps=30),
    tiny=Tiny(graphs=("cycle",), effort=0.02, node2vec_steps=300),
    countries=Countries(width=16, layers=1, steps=20, frozen_steps=20),
    ablation_arms=12,
    full_length=4,
    full_path_steps=20,
    pauses=(0, 1),
    path_shares=(0.25, 0.9),
    path_share_steps=20,
    in_context=InContext(arms=(2,), length=3, width=16, layers=1, steps=10, batch=16),
    tree_star=TreeStar(arms=8, length=3, path_steps=20),
    mamba=Mamba(arms=12, length=3, width=16, layers=1, edge_steps=10, path_steps=10),
)

# Table 1: 12 layers, 8 heads; G(5000,5) first, then the larger two.
PAPER = Settings(
    path_star=PathStar(
        arms=5000,
        length=5,
        width=384,
        layers=12,
        heads=8,
        pauses=5,
        edge_steps=1500,
        path_steps=3000,
        edge_lr=5e-4,
        path_lr=2e-4,
        warmup=100,
        edge_batch=4096,
        path_batch=1024,
        frozen_edge_steps=3000,
        frozen_edge_lr=1e-3,
        frozen_path_lr=5e-4,
        evaluate_every=250,
    ),
    sizes=(Size(arms=10_000, length=6, width=384, pauses=6), Size(arms=10_000, length=10, width=784, pauses=10)),
    ablation_arms=5000,
    full_path_steps=6000,
    pauses=(0, 2, 4, 6, 10),
    path_share_steps=4000,
    in_context=InContext(arms=(2, 10, 20), width=384, layers=12, heads=8, steps=20_000, batch=256, lr=1e-4),
    tree_star=TreeStar(arms=2000, path_steps=4000),
    mamba=Mamba(
        arms=5000, length=5, width=384, layers=12, edge_steps=1500, path_steps=3000, edge_lr=5e-4, path_lr=2e-4
    ),
)
