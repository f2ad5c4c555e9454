"""What a cell of the pair does: match the two networks, then ask both the same of their layers and their recency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.geometry.recency import influence_difference
from geomem.models.tokenizers import open_tokenizer
from geomem.probing.rerun import add_estimate, mean_over_windows
from geomem.probing.rows import Rows
from geomem.runs.directory import Run
from geomem.spec import validate
from geomem.studies.layer_skipping.influence import Questions, add_influences, draw_questions, influences
from geomem.studies.layer_skipping.matching import Checkpoint, Cloze, match, score_checkpoints
from geomem.studies.layer_skipping.plans import Scores, measure_plans
from geomem.studies.layer_skipping.settings import Settings
from geomem.studies.layer_skipping.streams import read_streams
from geomem.studies.layer_skipping.twin import BAG, CAUSAL, DIFFUSION, UNIGRAM
from geomem.studies.layer_skipping.work import HIDDEN, held_out
from geomem.tasks.cloze import ClozeTask
from geomem.tasks.specs import ClozeSpec
from geomem.training.progress import Event, Listener
from geomem.training.series import series
from geomem.training.work import Extra, Work

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter

STEPS = 4
EARLY = 2 / 3
"""Share of the layers, from the first, over which the source finds a diffusion model's stream to change little."""


def measure(work: Work, run: Run, listener: Listener) -> Extra:
    """Match the networks, and measure both; the rows of each have its name as their condition."""
    settings = validate(Settings, work.settings["settings"])
    listener(Event(work.name, 0, STEPS))
    task = _task(work, settings)
    cloze = Cloze.of(task, settings.plans.batch_tokens)
    causal, diffusion = match(*(score_checkpoints(series(work.run_of(name).path), cloze)
                                for name in (CAUSAL, DIFFUSION)))  # fmt: skip
    (bag,) = score_checkpoints(series(work.run_of(BAG).path)[-1:], cloze)
    found = [one.ability(name, work.seed)
             for name, one in ((CAUSAL, causal), (DIFFUSION, diffusion), (BAG, bag))]  # fmt: skip
    found.append(_unigram(task, work.seed))
    asked = held_out(task, settings.recency.windows, work.seed)
    questions = draw_questions(asked, settings.recency.lags, HIDDEN, work.seed)
    similarity: list[Tensor] = []
    changes: list[tuple[Tensor, Tensor]] = []
    for number, (name, checkpoint) in enumerate(((CAUSAL, causal), (DIFFUSION, diffusion))):
        listener(Event(work.name, 1 + number, STEPS))
        rows, adapter = Rows("", name, seed=work.seed), checkpoint.open()
        similarity.append(_layers(adapter, cloze, settings, rows, work.seed))
        changes.append(_influence(adapter, asked, questions, cloze, rows, work.seed))
        found.append(rows)
    found.append(_between(causal, diffusion, similarity, changes, work.seed))
    return Extra(rows=[row for rows in found for row in rows.rows])


def _task(work: Work, settings: Settings) -> ClozeTask:
    """Return the cloze in the tokens of the masked network."""
    asked = {"text": settings.lm.text, "context": settings.lm.context, "share": HIDDEN}
    spec = validate(ClozeSpec, {**asked, "score_tokens": settings.twin.windows * settings.lm.context})
    return ClozeTask(spec, work.seed, open_tokenizer(work.run_of(DIFFUSION).checkpoint))


def _unigram(task: ClozeTask, seed: int) -> Rows:
    rows = Rows("", UNIGRAM, seed=seed)
    for name in ("accuracy", "loss"):
        rows.add(f"match/{name}", task.chance[f"cloze/held_out/{name}"])
    return rows


def _layers(adapter: Adapter, cloze: Cloze, settings: Settings, rows: Rows, seed: int) -> Tensor:
    """Add what a network's streams are like and what its plans cost on the cloze; return S_l by window (W, L)."""
    shown = cloze.shown_to(adapter)
    streams = read_streams(adapter, shown, settings.recency.lags[-1], cloze.batch_tokens)
    streams.add_to(rows)
    scores = Scores(adapter, shown, cloze.labels, cloze.batch_tokens)
    measure_plans(scores, streams.similarity, settings.plans, rows, seed)
    return streams.similarity


def _influence(
    adapter: Adapter, tokens: Tensor, questions: Questions, cloze: Cloze, rows: Rows, seed: int
) -> tuple[Tensor, Tensor]:
    """Add influence by distance; return it at the nearest and at the furthest lag, (W,) each."""
    mask = None if adapter.causal else cloze.mask
    found = influences(adapter, tokens, questions, mask, cloze.batch_tokens)
    add_influences(rows, found, questions.lags, seed)
    return found[:, 0], found[:, -1]


def _between(
    causal: Checkpoint, diffusion: Checkpoint, similarity: list[Tensor], changes: list[tuple[Tensor, Tensor]], seed: int
) -> Rows:
    """Return what compares the two: causal less diffusion, but diffusion over causal for accuracy."""
    rows = Rows("", seed=seed)
    rows.add("pair/accuracy_ratio", diffusion.accuracy / max(causal.accuracy, 1e-12))
    add_estimate(rows, "pair/influence_difference", influence_difference(changes[0], changes[1], seed=seed))
    early = max(1, round(EARLY * similarity[0].shape[1]))
    apart = (similarity[0] - similarity[1])[:, :early].mean(1)
    add_estimate(rows, "pair/likeness_difference", mean_over_windows(apart, torch.ones(len(apart))))
    return rows
