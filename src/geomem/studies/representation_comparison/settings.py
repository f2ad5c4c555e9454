"""Settings of the study at its three scales."""

from __future__ import annotations

from pydantic import Field

from geomem.spec import Spec
from geomem.studies.language_model import LAPTOP_LM, PAPER_LM, SMOKE_LM, SmallLM


class Digits(Spec):
    """Two perceptrons of three hidden layers, trained on the same pictures of digits from different seeds."""

    width: int = Field(default=64, ge=2, description="units of each of the three hidden layers")
    epochs: int = Field(default=60, ge=1)
    batch: int = Field(default=200, ge=1, description="pictures a step")
    lr: float = 2e-3
    sizes: tuple[tuple[int, int], ...] = Field(
        default=((500, 64), (200, 32), (100, 16), (50, 8)),
        description="numbers of stimuli and of units a layer, from most stimuli to fewest",
    )
    draws: int = Field(default=20, ge=1, description="samples of each size")


class Words(Spec):
    """Language models compared on the last words of passages."""

    stimuli: int = Field(default=500, ge=40, description="passages, one stimulus each")
    words: int = Field(default=16, ge=1, description="words of a passage; its last one is read")
    sizes: tuple[tuple[int, int], ...] = Field(
        default=((500, 64), (200, 32), (100, 16), (50, 8)),
        description="numbers of stimuli and of units a layer at which noise is scored",
    )
    units: tuple[int, ...] = Field(
        default=(64, 32, 16, 8), description="units a layer for which the stimuli needed are counted"
    )
    draws: int = Field(default=20, ge=1, description="samples of each size")
    resamples: int = Field(default=100, ge=10, description="half samples for confidence sets of layers")
    responses: int = Field(default=32, ge=1, description="units of the last layer that are predicted")


class Settings(Spec):
    """All settings of the study at one scale."""

    digits: Digits = Digits()
    words: Words = Words()
    lm: SmallLM = LAPTOP_LM
    model: str | None = Field(default=None, description="a checkpoint that takes the small language model's place")
    other: str | None = Field(
        default=None, description="a checkpoint to compare `model` with; default: the small language model"
    )


LAPTOP = Settings()

# Seconds, to show that everything runs.
SMOKE = Settings(
    digits=Digits(epochs=10, sizes=((200, 32), (50, 8)), draws=3),
    words=Words(stimuli=40, words=4, sizes=((40, 8), (20, 4)), units=(8,), draws=3, resamples=10, responses=4),
    lm=SMOKE_LM,
)

PAPER = Settings(
    words=Words(stimuli=2000, words=64, units=(512, 128, 64, 32, 16, 8), draws=50, resamples=200), lm=PAPER_LM
)
