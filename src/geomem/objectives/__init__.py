"""Training objectives: what the loss looks at. One file an objective; this is the list of them."""

from __future__ import annotations

from geomem.registry import Registry
from geomem.spec import Spec

OBJECTIVES: Registry[type[Spec]] = Registry(
    "objective",
    {
        "next-token": (
            "geomem.objectives.specs:NextTokenSpec",
            "cross-entropy of each labelled token given the true tokens before it",
        ),
        "teacherless": (
            "geomem.objectives.specs:TeacherlessSpec",
            "cross-entropy of all labelled tokens at once, their inputs hidden behind a filler",
        ),
    },
)
