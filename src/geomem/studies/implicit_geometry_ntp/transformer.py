"""A small Transformer on the written contexts: whether what holds for free vectors holds for computed ones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor

from geomem.geometry.next_token import directional_part
from geomem.geometry.subspace_collapse import subspace_collapse, support_groups
from geomem.models.specs import TransformerSpec
from geomem.objectives.cross_entropy import soft_cross_entropy
from geomem.runs.directory import Run
from geomem.runs.tables import Measurement
from geomem.solvers.gradient_descent import log_steps
from geomem.solvers.ntp_svm import solve_ntp_svm
from geomem.spec import validate
from geomem.studies.implicit_geometry_ntp.corpus import Corpus, corpus
from geomem.studies.implicit_geometry_ntp.readings import Direction, picture_arrays, state_rows
from geomem.studies.implicit_geometry_ntp.settings import Settings, TinyTransformer
from geomem.training.progress import Event, Listener
from geomem.training.work import Extra, Work

GAP = 1e-6
"""Relative duality gap of the NTP-SVM solution."""


def run(work: Work, _run: Run, listener: Listener) -> Extra:
    """Train on all contexts at once and measure on a logarithmic axis of steps."""
    settings = validate(Settings, work.settings["settings"]).transformer
    data = corpus(work.seed)
    solved = solve_ntp_svm(data.problem.support, gap=GAP)
    target = Direction.of(solved.logits)
    groups = support_groups(data.problem.support)
    rows: list[Measurement] = []
    arrays: dict[str, Tensor] = {}
    for step, words, contexts, rate in train(settings, data, work.seed):
        rows += state_rows("training", words, contexts, data.problem, target, step=step)
        parts = {"embeddings": contexts, "directional": directional_part(words @ contexts, data.problem.support)}
        rows += [
            Measurement(metric=f"{part}/{name}", step=step, value=value)
            for part, columns in parts.items()
            for name, value in subspace_collapse(columns, groups).numbers().items()
        ]
        listener(Event(work.name, step, settings.steps, rate))
        if step == settings.steps:
            arrays = picture_arrays(words, contexts, data.problem, target)
    numbers = {"target/nuclear_norm": solved.nuclear_norm, "target/gap": solved.gap,
               "problem/entropy": data.problem.entropy}  # fmt: skip
    return Extra(numbers, rows=rows, arrays=arrays)


def train(settings: TinyTransformer, data: Corpus, seed: int) -> Iterator[tuple[int, Tensor, Tensor, float]]:
    """Yield (step, words (V, d), contexts (d, m), steps a second) at steps on a logarithmic axis, in float64.

    Words are the output rows of the tokens that occur as next words, contexts the states that the output layer reads:
    their product is the logits. The loss is over those tokens alone, as the authors keep two vocabularies.
    """
    shape = {"width": settings.width, "layers": settings.layers, "heads": settings.heads}
    spec = validate(TransformerSpec, {**shape, "positions": "none", "tied": False})
    model = cast(Any, spec.build(len(data.vocabulary), seed))
    outputs = len(data.problem.probs)
    targets, rows = data.problem.support.nonzero().unbind(1)
    probs = data.problem.probs[targets, rows].float()
    shares = data.problem.shares.float()
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
    fifths = [settings.steps * part // 5 for part in range(1, 5)]
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, milestones=fifths, gamma=0.4)
    marks, began = set(log_steps(settings.steps, settings.marks)) | {settings.steps // 10}, time.monotonic()
    for step in range(settings.steps + 1):
        if step in marks:
            words = model.lm_head.weight.detach()[:outputs].double()
            yield step, words, _states(model, data.tokens), step / max(time.monotonic() - began, 1e-9)
        if step == settings.steps:
            return
        logits = model(input_ids=data.tokens, logits_to_keep=1).logits[:, 0, :outputs]
        loss = soft_cross_entropy(logits, rows, targets, probs, shares)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()


@torch.no_grad()
def _states(model: Any, tokens: Tensor) -> Tensor:
    states: Tensor = model(input_ids=tokens, output_hidden_states=True).hidden_states[-1][:, -1]
    return states.double().T
