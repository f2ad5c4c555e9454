"""Settings of the study at its three scales. The planted streams have none: their numbers are part of the claim."""

from __future__ import annotations

from pydantic import Field

from geomem.spec import Spec
from geomem.studies.language_model import LAPTOP_LM, PAPER_LM, SMOKE_LM, SmallLM


class Network(Spec):
    """A network with random weights in which a sink is planted."""

    width: int = 64
    heads: int = 4
    vocabulary: int = Field(default=256, ge=16, description="token ids; tokens are drawn uniformly")
    marked: int = Field(default=8, ge=1, description="token ids that get the planted vector")
    windows: int = Field(default=8, ge=1)
    context: int = Field(default=64, ge=24)
    directions: int = Field(default=32, ge=1, description="random directions of which the most attended one is planted")
    sizes: int = Field(default=12, ge=4, description="sizes of the planted vector")


class Reading(Spec):
    """How much of the held-out text a model reads."""

    context: int = Field(default=128, ge=16, description="tokens of a window, or what the model allows")
    tokens: int = Field(default=4096, ge=64, description="tokens read for depth profiles and masking")
    batch_tokens: int = Field(default=1024, ge=16, description="tokens of one forward pass")
    sample: int = Field(default=1024, ge=64, description="tokens kept whole, for intervals")
    windows: int = Field(default=16, ge=1, description="windows in which secondary sinks are looked at one by one")
    norms: tuple[float, ...] = Field(
        default=(0.125, 0.25, 0.5, 1.0, 2.0, 4.0),
        description="norms given to the MLP's output in the causal test, as multiples of its own",
    )


class Settings(Spec):
    """All settings of the study at one scale."""

    network: Network = Network()
    reading: Reading = Reading()
    lm: SmallLM = LAPTOP_LM
    model: str | None = Field(default=None, description="a checkpoint that takes the small language model's place")


LAPTOP = Settings()

# Seconds, to show that everything runs.
SMOKE = Settings(
    network=Network(width=32, windows=4, context=48, marked=16, directions=4, sizes=6),
    reading=Reading(context=16, tokens=256, batch_tokens=256, sample=64, windows=4, norms=(0.5, 1.0)),
    lm=SMOKE_LM,
)

# The paper generates up to 16k tokens for each of 30 problems; this is a text of the same order.
PAPER = Settings(
    network=Network(width=256, heads=8, windows=16, context=256, directions=64, sizes=24),
    reading=Reading(context=4096, tokens=491_520, batch_tokens=4096, sample=4096, windows=8),
    lm=PAPER_LM,
)
