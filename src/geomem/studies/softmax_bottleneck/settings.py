"""Sizes of the study at its three scales."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from geomem.errors import InputError
from geomem.spec import Spec
from geomem.studies.language_model import LAPTOP_LM, PAPER_LM, SMOKE_LM, SmallLM


class Floor(Spec):
    """Distributions with logits of a known rank, and the least KL of softmax models below it."""

    contexts: int = Field(default=200, ge=4)
    vocabulary: int = Field(default=20, ge=3)
    ranks: tuple[int, ...] = Field(default=(4, 8), description="ranks of the true logits")
    below: int = Field(default=3, ge=1, description="how many dimensions fewer than the rank are tried")
    scale: float = Field(default=2.0, gt=0, description="standard deviation of the true logits")
    starts: int = Field(default=3, ge=1, description="random starts, beside the truncated matrix")
    iterations: int = Field(default=5000, ge=1, description="most L-BFGS iterations of a start")

    @model_validator(mode="after")
    def _room(self) -> Self:
        for rank in self.ranks:
            if not self.below < rank < self.vocabulary:
                raise InputError(
                    f"ranks: {rank} must be above below = {self.below} and under vocabulary = {self.vocabulary}"
                )
        return self

    def widths(self, rank: int) -> tuple[int, ...]:
        """Return the dimensions tried for a rank, the rank itself last."""
        return tuple(range(rank - self.below, rank + 1))


class Sampling(Spec):
    """A joint distribution of words and contexts, and negative sampling on it in expectation."""

    words: int = Field(default=8, ge=2)
    contexts: int = Field(default=6, ge=2)
    widths: tuple[int, ...] = Field(
        default=(2, 3, 6), description="dimensions of the vectors, ascending; the last full"
    )
    negatives: float = Field(default=5.0, gt=0)
    lr: float = Field(default=2.0, gt=0)
    steps: int = Field(default=200_000, ge=1)

    @model_validator(mode="after")
    def _full(self) -> Self:
        least = min(self.words, self.contexts)
        if list(self.widths) != sorted(set(self.widths)) or len(self.widths) < 2 or self.widths[-1] < least:
            raise InputError(f"widths: at least two, ascending, the last at least {least}; got {self.widths}")
        return self


class Mixtures(Spec):
    """A target of higher rank than the dimension, and three output layers with free context vectors."""

    contexts: int = Field(default=512, ge=4)
    vocabulary: int = Field(default=64, ge=3)
    rank: int = Field(default=16, ge=1, description="rank of the target's logits")
    scale: float = Field(default=2.0, gt=0, description="standard deviation of the target's logits")
    dimension: int = Field(default=4, ge=1)
    components: int = Field(default=4, ge=1)
    lr: float = Field(default=0.03, gt=0, description="first rate of Adam, decayed to 0")
    steps: int = Field(default=1500, ge=1)


class Settings(Spec):
    """All settings of the study at one scale."""

    lm: SmallLM = LAPTOP_LM
    model: str | None = Field(
        default=None, description="a checkpoint, a run or a fetched name in place of the small language model"
    )
    contexts: int = Field(default=2000, ge=4, description="held-out contexts of the language model")
    floor: Floor = Floor()
    sampling: Sampling = Sampling()
    mixtures: Mixtures = Mixtures()


LAPTOP = Settings()

SMOKE = Settings(
    lm=SMOKE_LM,
    contexts=400,
    floor=Floor(contexts=40, vocabulary=8, ranks=(3,), below=1, starts=1, iterations=2000),
    sampling=Sampling(words=4, contexts=3, widths=(1, 3), steps=3000),
    mixtures=Mixtures(contexts=40, vocabulary=12, rank=6, dimension=2, components=3, steps=150),
)

# The released model for Penn Treebank has 10 000 words, 15 components and 280 dimensions.
PAPER = Settings(
    lm=PAPER_LM,
    contexts=20_000,
    floor=Floor(contexts=2000, vocabulary=100, ranks=(8, 32), starts=5, iterations=20_000),
    mixtures=Mixtures(contexts=20_000, vocabulary=1000, rank=256, dimension=64, components=15, lr=0.01, steps=5000),
)
