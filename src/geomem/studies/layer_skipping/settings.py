"""Sizes and hyper-parameters of the study at its three scales."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from geomem.errors import InputError
from geomem.geometry.skipping import THRESHOLD
from geomem.spec import Spec
from geomem.studies.language_model import LAPTOP_LM, PAPER_LM, SMOKE_LM, SmallLM


class Plans(Spec):
    """Static skip plans and what they are held against."""

    budgets: tuple[int, ...] = Field(default=(1, 2, 3, 4, 6, 8), description="layers left out, where there is room")
    threshold: float = Field(default=THRESHOLD, description="likeness from which a layer may be left out")
    windows: int = Field(default=128, ge=4, description="held-out windows to plan and score on")
    restarts: int = Field(default=50, ge=1, description="halves of the windows to plan on, the rest to score on")
    random_sets: int = Field(default=8, ge=1, description="random sets without neighbours, a control")
    random_vectors: int = Field(default=10_000, ge=1, description="random likeness vectors to plan on")
    batch_tokens: int = Field(default=2048, ge=16, description="tokens of one forward pass")


class Decoding(Spec):
    """Texts continued without the planned layers."""

    prompts: int = Field(default=16, ge=1)
    prompt: int = Field(default=16, ge=1, description="tokens of a prompt")
    new: int = Field(default=32, ge=1, description="tokens decoded")


class Recency(Spec):
    """How a token's influence falls with distance."""

    lags: tuple[int, ...] = Field(default=(1, 2, 4, 8, 16), description="distances; the last is held against the first")
    windows: int = Field(default=256, ge=2, description="held-out windows, one question each")

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if len(self.lags) < 2 or self.lags[0] < 1 or list(self.lags) != sorted(set(self.lags)):
            raise InputError(f"lags: at least two, ascending, from 1 on; got {self.lags}")
        return self


class Twin(Spec):
    """A causal network and its equal that fills in masks; sizes, batch and steps of the causal one are `lm`'s."""

    ratio: int = Field(default=4, ge=1, description="steps of the masked network for each of the causal one's")
    lr: float = Field(default=3e-3, gt=0, description="learning rate of both, and of the bag of words")
    keep: int = Field(default=20, ge=1, description="checkpoints of either to match by ability, evenly spaced")
    windows: int = Field(default=384, ge=4, description="held-out windows in which masked tokens are to be found")


class Settings(Spec):
    """All settings of the study at one scale."""

    lm: SmallLM = LAPTOP_LM
    model: str | None = Field(default=None, description="a checkpoint that takes the small language model's place")
    plans: Plans = Plans()
    decoding: Decoding = Decoding()
    recency: Recency = Recency()
    twin: Twin = Twin()


LAPTOP = Settings()

# Seconds, to show that everything runs.
SMOKE = Settings(
    lm=SMOKE_LM,
    plans=Plans(budgets=(1, 2), windows=16, restarts=8, random_sets=2, random_vectors=200),
    decoding=Decoding(prompts=2, prompt=4, new=6),
    recency=Recency(lags=(1, 4, 8), windows=32),
    twin=Twin(ratio=2, keep=2, windows=16),
)

PAPER = Settings(
    lm=PAPER_LM,
    plans=Plans(windows=512, batch_tokens=16_384),
    decoding=Decoding(prompts=64, prompt=128, new=256),
    recency=Recency(windows=2048),
    twin=Twin(lr=6e-4, windows=2048),
)
