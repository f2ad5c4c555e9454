"""Settings of the objectives; importing them does not import torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from geomem.spec import Spec

if TYPE_CHECKING:
    from geomem.objectives.objective import Objective


class NextTokenSpec(Spec):
    """Next-token cross-entropy under teacher forcing, hard or soft labels."""

    kind: Literal["next-token"] = "next-token"

    def build(self) -> Objective:
        """Return the objective."""
        from geomem.objectives.next_token import NextToken

        return NextToken()


class MaskedDiffusionSpec(Spec):
    """Cross-entropy of masked tokens, their share drawn anew for each sequence (absorbing diffusion, arXiv 2502.09992).

    For a model that looks ahead (`causal: false`) and a task that says which token masks the others, such as `cloze`.
    """

    kind: Literal["masked-diffusion"] = "masked-diffusion"
    smallest: float = Field(0.05, gt=0, le=1, description="smallest share of a sequence masked; shares go up to 1")

    def build(self) -> Objective:
        """Return the objective."""
        from geomem.objectives.masked_diffusion import MaskedDiffusion

        return MaskedDiffusion(self.smallest)


class TeacherlessSpec(Spec):
    """Cross-entropy of all target tokens in one shot, none of them shown (arXiv 2403.06963, section 5).

    A task has a switch of the same name; set it too, or the model is scored by free-running decoding.
    """

    kind: Literal["teacherless"] = "teacherless"

    def build(self) -> Objective:
        """Return the objective."""
        from geomem.objectives.teacherless import Teacherless

        return Teacherless()
