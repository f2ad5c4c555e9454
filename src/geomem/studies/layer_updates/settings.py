"""Sizes and hyper-parameters of the study at its three scales."""

from __future__ import annotations

from pydantic import Field

from geomem.spec import Spec
from geomem.studies.language_model import LAPTOP_LM, PAPER_LM, SMOKE_LM, SmallLM


class Reading(Spec):
    """Which tokens of the held-out text the maps are fitted on and judged by."""

    context: int = Field(default=64, ge=2, description="tokens of a window, or what the model allows")
    bank: int = Field(default=8000, ge=64, description="tokens that the maps are fitted on, at least")
    evaluation: int = Field(default=2000, ge=32, description="tokens of other windows that judge them, at least")
    singles: int = Field(default=256, ge=0, description="tokens that are replaced one at a time, about")
    batch_tokens: int = Field(default=4096, ge=64, description="tokens of one forward pass")


class StateSpace(Spec):
    """The state-space language model (Mamba), trained on the text of the small language model."""

    width: int = 96
    layers: int = Field(default=4, ge=1)
    state: int = Field(default=16, ge=1, description="size of the state of each channel")
    steps: int = Field(default=900, ge=1)
    lr: float = 3e-3


class Settings(Spec):
    """All settings of the study at one scale."""

    lm: SmallLM = LAPTOP_LM
    model: str | None = Field(
        default=None, description="a checkpoint, a run or a fetched name in place of the small language model"
    )
    reading: Reading = Reading()
    classes: tuple[str, ...] = Field(
        default=("diag", "lowrank_16", "orth", "mlp"), description="further classes of tokenwise maps"
    )
    state_space: StateSpace = StateSpace()


LAPTOP = Settings()

# Seconds, to show that everything runs.
SMOKE = Settings(
    lm=SMOKE_LM,
    reading=Reading(context=16, bank=600, evaluation=120, singles=16),
    classes=("diag", "lowrank_4"),
    state_space=StateSpace(width=16, layers=2, state=4, steps=10),
)

# The paper reads WikiText with models of 82 million to 2.8 billion weights, and does not say how many tokens.
PAPER = Settings(
    lm=PAPER_LM,
    reading=Reading(context=256, bank=32_000, evaluation=8000, singles=1024, batch_tokens=8192),
    state_space=StateSpace(width=768, layers=24, steps=5000, lr=6e-4),
)
