"""Sizes of the study at its three scales.

Pre-training and fine-tuning are two stages of one run. In pre-training all variants pass the same number of positions,
as in the paper, so that those with pauses see a tenth less of the text; in fine-tuning all see the same prompts.
What pilots of one seed decided, from accuracy behind as many pauses as a model is fine-tuned with, nothing else: with
two layers, six keys and six values looking up without pauses stood at .91 after 2000 steps of fine-tuning, and behind
ten pauses at chance after 2500. With three layers, four keys and four values both were at 1.00 after 750. Three more
runs with pauses in fine-tuning alone were at .71, .63 and 1.00 after 1500, hence the steps there are.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from geomem.errors import InputError
from geomem.spec import Spec

PRE_TRAINING = ("text", "pairs", "copy")
"""Streams of the task `lookup` that pre-training mixes at equal shares."""

ASKED = (*range(13), 14, 15, 16, 18, 20, 24, 30, 40)
"""Pauses at test time."""


class Settings(Spec):
    """All settings of the study at one scale."""

    keys: int = Field(default=4, ge=2, description="keys of the task lookup")
    values: int = Field(default=4, ge=2, description="values of the task lookup")
    pairs: int = Field(default=4, ge=2, description="pairs in a prompt")
    packed: int = Field(default=2, ge=1, description="keys, or values, in one token")
    length: int = Field(default=32, ge=4, description="tokens of a sequence in pre-training, even")
    test_size: int = Field(default=1000, ge=10, description="held-out prompts")
    pauses: int = Field(default=10, ge=2, description="pauses before the answer in fine-tuning")
    share: float = Field(default=0.1, gt=0, lt=1, description="pauses in pre-training, as a share of a sequence")
    counts: tuple[int, ...] = Field(default=(2, 5, 10, 20), description="fixed counts of the experiment `counts`")
    varied: tuple[int, ...] = Field(default=(0, 4, 8, 12, 16, 20), description="counts one of its runs draws from")
    width: int = Field(default=64, ge=4)
    layers: int = Field(default=3, ge=1)
    heads: int = Field(default=4, ge=1)
    lr: float = Field(default=2e-3, gt=0)
    warmup: int = Field(default=100, ge=0)
    pre_steps: int = Field(default=500, ge=1, description="steps of pre-training")
    pre_batch: int = Field(default=16, ge=1, description="sequences of each kind a step in pre-training")
    steps: int = Field(default=2500, ge=1, description="steps of fine-tuning")
    batch: int = Field(default=128, ge=1, description="prompts a step in fine-tuning")
    evaluate_every: int = Field(default=125, ge=1)
    seconds: float = Field(default=3e-5, gt=0, description="seconds a position on one core, for the estimate")

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name, counts in (("pauses", (self.pauses,)), ("counts", self.counts), ("varied", self.varied)):
            if not counts or not set(counts) | {max(counts) // 2} <= set(ASKED):
                raise InputError(
                    f"{name}: choose from {', '.join(map(str, ASKED))}, the counts at which models are asked"
                )
        if len(set(self.varied)) < 2:
            raise InputError(f"varied: at least two counts, got {self.varied}")
        return self

    def prompt(self) -> int:
        """Return the tokens of a prompt."""
        return 2 * self.pairs // self.packed + 2

    def train(self, seed: int, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
        """Return a run that is pre-trained under one objective and fine-tuned under another."""
        optimizer, schedule = {"lr": self.lr, "clip": 1.0}, {"kind": "constant", "warmup": self.warmup}
        return {
            "seed": seed,
            "threads": 1,
            "task": {"kind": "lookup", "keys": self.keys, "values": self.values, "pairs": self.pairs,
                     "packed": self.packed, "length": self.length, "test_size": self.test_size},
            "model": {"kind": "transformer", "width": self.width, "layers": self.layers, "heads": self.heads,
                      "positions": "rotary", "initialisation": "fan-in",
                      "max_positions": max(self.length, self.prompt() + max(ASKED))},
            "stages": [
                {"name": "pre-training", "steps": self.pre_steps, "mix": dict.fromkeys(PRE_TRAINING, 1.0),
                 "batch": dict.fromkeys(PRE_TRAINING, self.pre_batch), "objective": before,
                 "optimizer": optimizer, "schedule": schedule},
                {"name": "fine-tuning", "steps": self.steps, "batch": {"lookup": self.batch}, "objective": after,
                 "optimizer": optimizer, "schedule": schedule},
            ],
            "evaluate_every": self.evaluate_every,
        }  # fmt: skip


LAPTOP = Settings()

SMOKE = Settings(test_size=40, width=8, layers=1, heads=2, pre_steps=6, pre_batch=4, steps=6, batch=8, evaluate_every=6)

# The paper's sizes are of language models of 1e8 weights and more; here the task is what the sizes must fit.
PAPER = Settings(width=128, layers=4, pauses=10, pre_steps=10_000, steps=20_000, batch=256, lr=1e-3,
                 evaluate_every=1000, seconds=6e-5)  # fmt: skip
