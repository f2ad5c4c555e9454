"""Sizes of the study at its three scales."""

from __future__ import annotations

from pydantic import Field

from geomem.spec import Spec
from geomem.studies.language_model import LAPTOP_LM, PAPER_LM, SMOKE_LM, SmallLM


class Gates(Spec):
    """Class means whose geometry is known."""

    simplex: int = Field(default=8, ge=3, description="classes of the perfect simplex, in one dimension fewer")
    classes: int = Field(default=1000, ge=100, description="classes of the random means")
    width: int = Field(default=64, ge=8, description="their dimensions")
    scale: float = Field(default=3.0, gt=1, description="by how much states are stretched")


class Reading(Spec):
    """What of the text is read at every checkpoint, and which classes its tokens are put in."""

    train_tokens: int = Field(default=65_536, ge=64, description="training tokens that give means and variances")
    held_out_tokens: int = Field(default=16_384, ge=64, description="unseen tokens for NC4 and the loss")
    min_samples: int = Field(default=5, ge=2, description="classes with fewer samples are dropped")
    limit: int = Field(default=1024, ge=3, description="most classes of a grouping, the most frequent ones")
    support_length: int = Field(default=2, ge=1, description="tokens of a context grouped by what can follow it")
    support_seen: int = Field(default=5, ge=1, description="contexts that occur less often in the text are dropped")
    support_shared: int = Field(default=2, ge=1, description="next-token sets that fewer contexts share are dropped")
    batch_tokens: int = Field(default=4096, ge=64)


class Settings(Spec):
    """All settings of the study at one scale."""

    lm: SmallLM = LAPTOP_LM
    model: str | None = Field(
        default=None, description="a checkpoint, a run or a fetched name in place of the small language model"
    )
    from_step: int = Field(default=100, ge=0, description="step with which the CDNV at the end is compared")
    gates: Gates = Gates()
    reading: Reading = Reading()


LAPTOP = Settings()

SMOKE = Settings(
    lm=SMOKE_LM,
    from_step=5,
    reading=Reading(train_tokens=4096, held_out_tokens=1024, support_seen=2, support_shared=1),
)

# The released runs read all of TinyStories; a text of this size gives five samples to most of 16 384 tokens.
PAPER = Settings(
    lm=PAPER_LM,
    reading=Reading(train_tokens=2_097_152, held_out_tokens=262_144, limit=16_384, batch_tokens=32_768),
)
