"""The multi-hop contrast: whether a model that composes facts uses later layers for longer chains.

Source: arXiv 2505.13898, depth score and integrated gradients (definitions as in the released code). Pretrained models
show no trend there; in a tiny model that learned nothing but composition one is expected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from geomem.geometry.depth import depth_score_interval, depth_trend
from geomem.geometry.windows import Estimate
from geomem.interventions.attributions import integrated_gradients
from geomem.interventions.skip import skip_block
from geomem.probing.erasure import erasure_effects, mean_streams
from geomem.probing.rerun import probability_changes
from geomem.runs.tables import Measurement
from geomem.spec import validate
from geomem.studies.depth_efficiency.composer import accuracy, build_composer, last_logits, train_composer
from geomem.studies.depth_efficiency.model import UNTRAINED
from geomem.studies.depth_efficiency.settings import Hops
from geomem.studies.depth_efficiency.world import World, make_world
from geomem.training.progress import Event
from geomem.training.work import Extra

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.runs.directory import Run
    from geomem.training.progress import Listener
    from geomem.training.work import Work

SCORE, TREND, RIGHT, OUTPUT = "hops/depth_score", "hops/trend", "hops/accuracy", "hops/output"


def measure_hops(work: Work, _run: Run, listener: Listener) -> Extra:
    """Train on chains of 1 to `hops` relations; ask held-out ones, and skip every block while they are answered.

    Rows of k hops have "step" k. Arrays: what each position of the longest questions gives to the answer's probability
    by integrated gradients of what a block wrote (L, T), and what erasing it from a stream does (L + 1, T).
    """
    settings = validate(Hops, work.settings["hops"])
    world = make_world(settings.entities, settings.relations, settings.hops, settings.held_out, work.seed)

    def tell(step: int, loss: float) -> None:
        listener(Event(work.name, step, settings.steps, loss=loss))

    composer = build_composer(settings, world.vocabulary, work.seed)
    rows = depth_rows(composer, world, settings, work.seed, UNTRAINED)
    train_composer(composer, world, settings, work.seed, tell)
    rows += depth_rows(composer, world, settings, work.seed, "")
    questions, answers = world.questions(world.hops, settings.examples, work.seed)
    arrays = {
        "erased": erased_map(composer, questions),
        "attributions": attribution_map(
            composer, questions[: settings.explained], answers[: settings.explained], settings.gradient_steps
        ),
    }
    return Extra({"hops/chance": 1 / settings.entities}, arrays, rows)


def depth_rows(composer: Adapter, world: World, settings: Hops, seed: int, condition: str) -> list[Measurement]:
    """Return accuracy, effect of skipping each block, depth score, and its slope over hops."""
    rows: list[Measurement] = []
    effects: list[Tensor] = []
    hops = range(1, world.hops + 1)
    for count in hops:
        questions, answers = world.questions(count, settings.examples, seed)
        effects.append(skip_effects_on_answers(composer, questions))
        right = accuracy(composer, questions, answers)
        rows.append(Measurement(metric=RIGHT, condition=condition, step=count, value=right))
        rows.append(_row(SCORE, condition, depth_score_interval(effects[-1], seed=seed), count))
        rows += [
            Measurement(metric=OUTPUT, condition=condition, layer=layer, step=count, value=float(value))
            for layer, value in enumerate(effects[-1].mean(0))
        ]
    return [*rows, _row(TREND, condition, depth_trend(hops, effects, seed=seed))]


@torch.no_grad()
def skip_effects_on_answers(composer: Adapter, questions: Int[Tensor, "m t"]) -> Float[Tensor, "m l"]:
    """Return |p - p~|_2 of the answer's prediction when each block is skipped at all positions but the first."""
    clean = composer.run(questions)[:, -1]
    found: list[Tensor] = []
    for block in composer.blocks:
        with skip_block(block, length=questions.shape[1]):
            changed = composer.run(questions)[:, -1]
        found.append(probability_changes(composer, clean, changed))
    return torch.stack(found, dim=1)


def erased_map(composer: Adapter, questions: Int[Tensor, "m t"]) -> Float[Tensor, "s t"]:
    """Return |p - p~|_2 of the answer when one position of one stream is erased, mean over questions."""
    positions = torch.arange(questions.shape[1]).expand(questions.shape)
    last = positions == questions.shape[1] - 1
    found = erasure_effects(composer, questions, mean_streams(composer, questions), positions, answers=last)
    return found.largest.mean(1)


def attribution_map(
    composer: Adapter, questions: Int[Tensor, "m t"], answers: Int[Tensor, " m"], steps: int
) -> Float[Tensor, "l t"]:
    """Return the integrated gradients of the answer's probability by block and position, mean over questions."""
    total = torch.zeros(len(composer.blocks), questions.shape[1], dtype=torch.float64)
    for question, answer in zip(questions, answers.tolist(), strict=True):

        def probability(copies: int, question: Tensor = question, answer: int = answer) -> Tensor:
            logits = last_logits(composer, question.expand(copies, -1), grad=True)
            return logits.softmax(-1)[:, answer]

        for layer, block in enumerate(composer.blocks):
            total[layer] += integrated_gradients(block, probability, steps=steps, length=questions.shape[1])
    return total / len(questions)


def _row(metric: str, condition: str, found: Estimate, step: int | None = None) -> Measurement:
    return Measurement(
        metric=metric, condition=condition, step=step, value=found.value, low=found.low, high=found.high
    )  # fmt: skip
