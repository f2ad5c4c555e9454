"""Settings of the objectives; importing them does not import torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

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


class TeacherlessSpec(Spec):
    """Cross-entropy of all target tokens in one shot, none of them shown (arXiv 2403.06963, section 5).

    A task has a switch of the same name; set it too, or the model is scored by free-running decoding.
    """

    kind: Literal["teacherless"] = "teacherless"

    def build(self) -> Objective:
        """Return the objective."""
        from geomem.objectives.teacherless import Teacherless

        return Teacherless()
