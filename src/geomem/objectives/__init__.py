"""Training objectives: what the loss looks at. One file an objective; this is the list of them."""

from __future__ import annotations

from geomem.registry import Registry
from geomem.spec import Spec

OBJECTIVES: Registry[type[Spec]] = Registry(
    "objective",
    {
        "masked-diffusion": (
            "geomem.objectives.specs:MaskedDiffusionSpec",
            "cross-entropy of tokens masked at a random rate t, seen from both sides and weighted 1/t",
        ),
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
