"""Sizes and hyper-parameters of the study at its three scales."""

from __future__ import annotations

from pydantic import Field

from geomem.spec import Spec
from geomem.studies.language_model import LAPTOP_LM, PAPER_LM, SMOKE_LM, SmallLM


class Reading(Spec):
    """How much of the held-out text a model reads."""

    context: int = Field(default=64, ge=13, description="tokens of a window, or what the model allows")
    windows: int = Field(default=64, ge=2, description="windows for the norm battery, the lens and the skips")
    erased: int = Field(default=16, ge=2, description="windows in which streams are erased")
    positions: int = Field(default=8, ge=1, description="positions of each of them that are erased, one at a time")
    fit_tokens: int = Field(default=12_000, ge=64, description="training tokens that linear maps are fitted on")
    batch_tokens: int = Field(default=4096, ge=64, description="tokens of one forward pass")


class Hops(Spec):
    """A world of facts "entity, relation: entity" (every relation a permutation), and the model that composes them."""

    entities: int = Field(default=16, ge=4)
    relations: int = Field(default=8, ge=2)
    hops: int = Field(default=4, ge=2, description="longest chain of relations")
    held_out: float = Field(
        default=0.2, gt=0, lt=1, description="share of starts (entity and two relations) never trained on"
    )
    width: int = 64
    layers: int = Field(default=6, ge=3)
    heads: int = 4
    steps: int = Field(default=2500, ge=1)
    batch: int = Field(default=128, ge=1, description="chains a step")
    lr: float = 1e-3
    warmup: int = Field(default=100, ge=0)
    weight_decay: float = 0.1
    examples: int = Field(default=200, ge=2, description="questions of each length, at most")
    explained: int = Field(default=16, ge=1, description="longest questions explained by integrated gradients")
    gradient_steps: int = Field(default=64, ge=1, description="steps from the baseline to what was written")


class Settings(Spec):
    """All settings of the study at one scale."""

    lm: SmallLM = LAPTOP_LM
    model: str | None = Field(
        default=None, description="a checkpoint, a run or a fetched name in place of the small language model"
    )
    source: str | None = Field(
        default=None, description="with `model`: a shallower one that reads the same tokens, for the linear maps"
    )
    reading: Reading = Reading()
    rates: tuple[float, ...] = Field(
        default=(3e-4, 1e-3), description="other learning rates of the small language model, for the norm battery"
    )
    hops: Hops = Hops()


LAPTOP = Settings()

# Seconds, to show that everything runs.
SMOKE = Settings(
    lm=SMOKE_LM,
    reading=Reading(context=16, windows=8, erased=4, positions=2, fit_tokens=1024),
    rates=(1e-3,),
    hops=Hops(
        entities=6,
        relations=2,
        hops=3,
        width=16,
        layers=3,
        heads=2,
        steps=30,
        batch=32,
        examples=10,
        explained=2,
        gradient_steps=8,
    ),
)

# The paper reads GSM8K prompts and fits maps for 10 000 steps of 64 x 512 tokens; ours are in closed form.
PAPER = Settings(
    lm=PAPER_LM,
    reading=Reading(context=512, windows=20, erased=10, fit_tokens=1_000_000, batch_tokens=8192),
    hops=Hops(entities=100, relations=10, width=256, layers=12, heads=8, steps=50_000, batch=512, examples=1000),
)
