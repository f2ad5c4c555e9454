"""Sizes of the study at its three scales."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from geomem.errors import InputError
from geomem.spec import Spec
from geomem.tasks.specs import MarkovSpec


class Features(Spec):
    """Unconstrained features on contexts of very different frequency."""

    vocabulary: int = Field(default=12, ge=3)
    contexts: int = Field(default=120, ge=8)
    support: int = Field(default=2, ge=1, description="tokens that follow a context; all of them in the dense control")
    decades: float = Field(default=3.0, gt=0, description="the log of frequencies is uniform over so many decades")
    least: float = Field(default=0.005, gt=0, description="least probability of a token in the dense control")
    width: int = Field(default=16, ge=1)
    std: float = Field(default=0.05, gt=0, description="of the first vectors")
    off_centre: float = Field(default=0.5, gt=0, description="the same for a start far from the centred gauge")
    lr: float = Field(default=0.5, gt=0)
    steps: int = Field(default=100_000, ge=10)
    dense_steps: int = Field(default=200_000, ge=10)
    ridges: tuple[float, ...] = Field(default=(1e-3, 1e-4, 1e-5, 1e-6, 1e-7), description="descending")
    records: int = Field(default=32, ge=4, description="log-spaced steps that are measured")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.support >= self.vocabulary:
            raise InputError(f"support: {self.support} of {self.vocabulary} tokens leave none that is never seen")
        if len(self.ridges) < 2 or list(self.ridges) != sorted(set(self.ridges), reverse=True):
            raise InputError(f"ridges: at least two, descending, got {self.ridges}")
        if self.least * self.vocabulary >= 1:
            raise InputError(f"least: {self.vocabulary} tokens of at least {self.least} leave no room")
        return self


class Sequences(Spec):
    """A small Transformer on a Markov source, and on a source that forbids nothing."""

    source: MarkovSpec = MarkovSpec()
    floor: float = Field(default=0.005, gt=0, description="probability of every token in the dense source")
    width: int = 48
    layers: int = Field(default=2, ge=1)
    heads: int = 4
    steps: int = Field(default=1200, ge=1)
    batch: int = Field(default=64, ge=1)
    lr: float = Field(default=3e-3, gt=0)
    keep: int = Field(default=9, ge=2, description="log-spaced steps that leave a checkpoint")


class Arithmetic(Spec):
    """Sums with a right answer and with wrong ones, told to a language model."""

    items: int = Field(default=60, ge=2, description="sums; each with its right answer and one wrong one a range")
    digits: tuple[int, int] = Field(default=(9, 14), description="fewest and most digits of a number")
    ranges: tuple[tuple[int, int], ...] = Field(
        default=((1, 10), (10, 100), (100, 100_000)), description="by how much wrong answers are off"
    )


class Settings(Spec):
    """All settings of the study at one scale."""

    model: str | None = Field(default=None, description="a causal language model to tell sums to; none: left out")
    features: Features = Features()
    sequences: Sequences = Sequences()
    arithmetic: Arithmetic = Arithmetic()


LAPTOP = Settings()

SMOKE = Settings(
    features=Features(contexts=24, width=12, steps=400, dense_steps=400, ridges=(1e-2, 1e-3), records=6),
    sequences=Sequences(
        source=MarkovSpec(vocabulary=8, supports=(2, 3), length=8, train_size=400, held_out_size=80),
        width=16, layers=1, heads=2, steps=60, batch=32, keep=3,
    ),
    arithmetic=Arithmetic(items=3, digits=(2, 3), ranges=((1, 10),)),
)  # fmt: skip

PAPER = Settings(
    features=Features(vocabulary=64, contexts=2000, width=80, steps=1_000_000, dense_steps=1_000_000),
    sequences=Sequences(
        source=MarkovSpec(vocabulary=64, length=64, train_size=400_000, held_out_size=4000),
        width=256, layers=6, heads=8,
        steps=20_000, batch=128, lr=1e-3, keep=16,
    ),
    arithmetic=Arithmetic(items=1000),
)  # fmt: skip
