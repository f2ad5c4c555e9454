"""Sizes of the study at its three scales."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from geomem.errors import InputError
from geomem.geometry.power_law import LEAST_RANKS
from geomem.spec import Spec
from geomem.studies.language_model import LAPTOP_LM, PAPER_LM, SMOKE_LM, SmallLM


class Exact(Spec):
    """A generator whose state is known, and the random sequences that its logit matrix is of."""

    vocabulary: int = Field(default=4, ge=2)
    width: int = Field(default=8, ge=1, description="dimensions of the network, or states of the hidden Markov model")
    histories: int = Field(default=200, ge=2)
    history_tokens: int = Field(default=5, ge=1)
    futures: int = Field(default=200, ge=2)
    future_tokens: int = Field(default=4, ge=1, description="futures have 0 to so many tokens")
    targets: int = Field(default=10, ge=1, description="further histories that LinGen imitates")
    steps: int = Field(default=8, ge=2, description="tokens that LinGen writes")


class Reading(Spec):
    """What is cut from the text, and what is done with it."""

    histories: int = Field(default=300, ge=4)
    history_tokens: int = Field(default=24, ge=2)
    futures: int = Field(default=60, ge=2, description="futures of a set; three sets are compared")
    future_tokens: int = Field(default=8, ge=1, description="futures have 1 to so many tokens; the first one is empty")
    columns: int = Field(default=50, ge=2, description="tokens kept of each future")
    ranks: tuple[int, ...] = Field(default=(5, 20, 50, 100), description="truncations whose divergence is measured")
    window: tuple[int, int] = Field(default=(5, 150), description="ranks on which the power law is fitted")
    shared: int = Field(default=20, ge=1, description="rank of the column spaces that are compared")
    targets: int = Field(default=20, ge=1)
    steps: int = Field(default=8, ge=2, description="tokens that LinGen writes")
    ridge: float = Field(default=1e-3, ge=0)

    @property
    def kept(self) -> tuple[int, ...]:
        """The ranks that leave something out of a matrix of this size."""
        return tuple(rank for rank in self.ranks if rank < min(self.histories, self.futures * self.columns))

    @model_validator(mode="after")
    def _fits(self) -> Self:
        size = f"{self.histories} histories and {self.futures} futures of {self.columns} tokens"
        if list(self.ranks) != sorted(set(self.ranks)) or self.ranks[:1] < (1,):
            raise InputError(f"ranks: expected ascending ranks from 1 on, got {self.ranks}")
        if len(self.kept) < 2:
            raise InputError(f"ranks: {size} leave fewer than two of {self.ranks} to compare; name smaller ones")
        if self.shared >= min(self.histories, self.futures * self.columns):
            raise InputError(
                f"shared: with {size} all column spaces of rank {self.shared} are the same; name a smaller one"
            )
        first, last = self.window
        if first < 1 or min(last, self.histories) - first + 1 < LEAST_RANKS:
            raise InputError(
                f"window: ranks {first} to {last} of {size} are too few for a line; at least {LEAST_RANKS}"
            )
        return self


class Settings(Spec):
    """All settings of the study at one scale."""

    lm: SmallLM = LAPTOP_LM
    model: str | None = Field(
        default=None, description="a checkpoint, a run or a fetched name in place of the small language model"
    )
    isan: Exact = Exact()
    hmm: Exact = Exact(width=24)
    reading: Reading = Reading()


LAPTOP = Settings()

SMOKE = Settings(
    lm=SMOKE_LM,
    isan=Exact(histories=40, futures=40, targets=2, steps=4),
    hmm=Exact(width=24, histories=40, futures=40, targets=2, steps=4),
    reading=Reading(
        histories=24, history_tokens=6, futures=8, future_tokens=3, columns=20, ranks=(2, 8), window=(2, 20), shared=5,
        targets=2, steps=3,
    ),
)  # fmt: skip

# The published sizes: sets of 1000 and more, 50 targets, 15 steps.
PAPER = Settings(
    lm=PAPER_LM,
    reading=Reading(
        histories=2000, history_tokens=64, futures=1000, future_tokens=16, ranks=(5, 20, 50, 100, 200, 500),
        window=(10, 500), shared=100, targets=50, steps=15,
    ),
)  # fmt: skip
