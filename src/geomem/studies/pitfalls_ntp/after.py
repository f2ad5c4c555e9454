"""What is worked out from a trained model: which arm it follows, and answers to step through."""

from __future__ import annotations

from typing import Any, cast

from geomem.decoding.reader import Reader
from geomem.tasks.in_context import InContextPath
from geomem.tasks.star_metrics import arm_confusion
from geomem.training.loop import Trained
from geomem.training.spec import TrainSpec
from geomem.training.work import Extra

SHOWN = 64
"""Answers kept; how many of them the report shows is the study's setting."""


def keep_answers(trained: Trained, spec: TrainSpec) -> Extra:
    """Keep confusion (d, d + 1) over the held-out prompts, and of the first few: prompts, arms, places, free answers.

    All answers are from the root on. See `arm_confusion` and `Stars`.
    """
    task = cast(InContextPath, trained.task)
    reader: Reader = cast(Any, spec.last_objective).build(task.alphabet()).reader()
    device = next(trained.model.parameters()).device
    stars, predictions = task.answers(trained.model, device=device, reader=reader)
    free = task.in_order(predictions.free)
    return Extra(arrays={
        "confusion": arm_confusion(free, stars.arms, stars.places),
        "prompts": stars.prompts[:SHOWN],
        "arms": stars.arms[:SHOWN],
        "places": stars.places[:SHOWN],
        "free": free[:SHOWN],
    })  # fmt: skip
