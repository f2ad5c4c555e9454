"""Training objectives: what the loss looks at. One file an objective; this is the list of them."""

from __future__ import annotations

from geomem.registry import Registry
from geomem.spec import Spec

OBJECTIVES: Registry[type[Spec]] = Registry(
    "objective",
    {
        "catch-your-breath": (
            "geomem.objectives.specs:CatchYourBreathSpec",
            "answer now or ask for another step on the same token; time has a price",
        ),
        "first-token": (
            "geomem.objectives.specs:FirstTokenSpec",
            "a control: the loss on one token of every answer, the decision, and on nothing else",
        ),
        "hybrid-teacherless": (
            "geomem.objectives.specs:HybridSpec",
            "half next-token, half teacherless loss on the same examples, read one token after another",
        ),
        "masked-diffusion": (
            "geomem.objectives.specs:MaskedDiffusionSpec",
            "cross-entropy of tokens masked at a random rate t, seen from both sides and weighted 1/t",
        ),
        "next-token": (
            "geomem.objectives.specs:NextTokenSpec",
            "cross-entropy of each labelled token given the true tokens before it",
        ),
        "pause": (
            "geomem.objectives.specs:PauseSpec",
            "a learned token that says nothing, between prompt and answer or strewn over a text",
        ),
        "reversed": (
            "geomem.objectives.specs:ReversedSpec",
            "the answer from its last token to its first, in training and when it is read",
        ),
        "seed": (
            "geomem.objectives.specs:SeedSpec",
            "a random string before every prompt, so that the noise enters at the input",
        ),
        "teacherless": (
            "geomem.objectives.specs:TeacherlessSpec",
            "cross-entropy of all labelled tokens at once, their inputs hidden behind a filler",
        ),
    },
)
