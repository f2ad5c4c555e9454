"""Sizes and hyper-parameters of the study at its three scales.

The star of the headline (2 arms of 4 nodes, 12 names) and the network (2 layers of width 64) are the smallest at which
the failure shows: with 3 nodes an arm the only unknown node is the same in both directions. What pilots decided, one
seed each, and nothing else: with learned positions and weights N(0, 0.02²) the cheat takes more than 7000 steps; with
rotary positions and weights scaled by their inputs it was there after 2000 (index 0.98, decision 0.50, path 0.49; at
3000 steps 1.00, 0.52, 0.52), prompts without their `=`. Reversed, the whole path was right after 500. The objective
trained on the decision alone stood at 0.52 after 500 and 0.48 after 1500. A forward run ends when its cheat index has
stayed at 0.95, a reversed one when its path accuracy has; whatever they reach, thresholds are those of the claims.
"""

from __future__ import annotations

from pydantic import Field

from geomem.models.specs import Positions
from geomem.spec import Spec


class Star(Spec):
    """The star in every prompt."""

    arms: int = Field(default=2, ge=2, description="arms of the star, d")
    length: int = Field(default=4, ge=3, description="nodes of an arm, root included, l")
    names: int = Field(default=12, ge=2, description="names to draw from, N")


class Training(Spec):
    """The network and how it is trained: AdamW at a constant rate after a warm-up, fresh graphs every step."""

    width: int = 64
    layers: int = 2
    heads: int = 4
    positions: Positions = "rotary"
    initialisation: str = "fan-in"
    batch: int = 128
    lr: float = 3e-3
    warmup: int = 100
    clip: float = 1.0
    evaluate_every: int = 100
    test_size: int = Field(default=1000, ge=1, description="held-out prompts at every evaluation")


class Steps(Spec):
    """Most steps of each way of training; forward and reversed runs end earlier when they have met their mark."""

    forward: int = 6000
    reversed: int = 4000
    teacherless: int = 2000
    first_token: int = 2500


class Finite(Spec):
    """A fixed set of training prompts, passed again and again."""

    prompts: int = Field(default=2000, ge=1, description="training prompts there are")
    steps: int = 6000


class Mamba(Spec):
    """The state-space model on the same star."""

    width: int = 64
    layers: int = 2
    lr: float = 3e-3
    steps: int = 3000


class Cascade(Spec):
    """Teacherless training at a low load: fewer names, a larger network, more steps (one seed at laptop scale)."""

    names: int = 9
    width: int = 128
    layers: int = 4
    heads: int = 4
    lr: float = 1e-3
    steps: int = 20_000
    evaluate_every: int = 250


class Settings(Spec):
    """All settings of the study at one scale."""

    star: Star = Star()
    training: Training = Training()
    steps: Steps = Steps()
    three_arms: Star = Star(arms=3)
    three_nodes: Star = Star(length=3, names=10)
    finite: Finite = Finite()
    mamba: Mamba = Mamba()
    cascade: Cascade = Cascade()
    mark: float = Field(default=0.95, gt=0, le=1, description="cheat index, or path accuracy, at which a run may end")
    patience: int = Field(default=3, ge=1, description="evaluations in a row at the mark")
    examples: int = Field(default=12, ge=1, description="answers kept to step through")


LAPTOP = Settings()

# Seconds, to show that everything runs: nothing is learned, and claims that need the cheat are inconclusive.
_TINY = Training(width=16, layers=1, heads=2, batch=16, evaluate_every=10, test_size=40, warmup=5)
SMOKE = Settings(
    training=_TINY,
    steps=Steps(forward=20, reversed=20, teacherless=20, first_token=20),
    finite=Finite(prompts=30, steps=20),
    mamba=Mamba(width=16, layers=1, steps=10),
    cascade=Cascade(width=16, layers=1, heads=2, steps=20, evaluate_every=10),
    examples=4,
)

# The run of the release's README: 6 layers of width 384, batch 256, rate 1e-4, 2 arms of 5 nodes, 50 names.
PAPER = Settings(
    star=Star(length=5, names=50),
    training=Training(
        width=384,
        layers=6,
        heads=6,
        positions="learned",
        initialisation="normal-0.02",
        batch=256,
        lr=1e-4,
        evaluate_every=500,
        test_size=5000,
    ),
    steps=Steps(forward=80_000, reversed=80_000, teacherless=80_000, first_token=80_000),
    three_arms=Star(arms=3, names=50),
    three_nodes=Star(length=3, names=50),
    finite=Finite(prompts=200_000, steps=80_000),
    mamba=Mamba(width=384, layers=6, lr=1e-4, steps=80_000),
    cascade=Cascade(width=384, layers=6, heads=6, lr=1e-4, steps=200_000, evaluate_every=1000),
)
