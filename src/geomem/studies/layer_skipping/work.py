"""What a cell of a causal model does: its streams, its plans, decoding without layers, and its recency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.geometry.skipping import plan_skips
from geomem.models.adapters import adapt
from geomem.probing.conditions import shuffled_windows, untrained_twin
from geomem.probing.rows import Rows
from geomem.runs.directory import Run
from geomem.spec import validate
from geomem.studies.checkpoints import open_adapter
from geomem.studies.language_model import subject, text_task
from geomem.studies.layer_skipping.decoding import decode_with_and_without_cache
from geomem.studies.layer_skipping.influence import add_influences, draw_questions, influences
from geomem.studies.layer_skipping.plans import Scores, measure_plans, random_plans, sizes
from geomem.studies.layer_skipping.settings import Settings
from geomem.studies.layer_skipping.streams import read_streams
from geomem.texts.windows import choose_windows
from geomem.training.progress import Event, Listener
from geomem.training.work import Extra, Work

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.tasks.text import TextTask

HIDDEN = 0.15
"""Share of a window's tokens that a masked model does not see."""
STEPS = 5


def measure(work: Work, run: Run, listener: Listener) -> Extra:
    """Measure the language model of a work, with its shuffled and untrained controls."""
    settings = validate(Settings, work.settings["settings"])
    adapter = open_adapter(subject(work).folder, work)
    task = text_task(work)
    rows = Rows("", seed=work.seed)
    listener(Event(work.name, 0, STEPS))
    tokens = held_out(task, settings.plans.windows, work.seed)
    far, each = settings.recency.lags[-1], settings.plans.batch_tokens
    streams = read_streams(adapter, tokens, far, each)
    streams.add_to(rows)
    control = Rows("", "shuffled", seed=work.seed)
    read_streams(adapter, shuffled_windows(tokens, torch.arange(len(tokens)), work.seed), far, each).add_to(control)
    listener(Event(work.name, 1, STEPS))
    measure_plans(Scores(adapter, tokens, None, each), streams.similarity, settings.plans, rows, work.seed)
    for name, value in random_plans(settings.plans.random_vectors, work.seed).items():
        rows.add(name, value)
    listener(Event(work.name, 2, STEPS))
    for name, value in _decode(adapter, tokens, streams.similarity, settings).items():
        rows.add(name, value)
    listener(Event(work.name, 3, STEPS))
    asked = held_out(task, settings.recency.windows, work.seed)
    questions = draw_questions(asked, settings.recency.lags, HIDDEN, work.seed)
    add_influences(rows, influences(adapter, asked, questions, None, each), questions.lags, work.seed)
    listener(Event(work.name, 4, STEPS))
    untrained = Rows("", "untrained", seed=work.seed)
    fresh = adapt(untrained_twin(adapter.model, work.seed))
    read_streams(fresh, tokens, far, each).add_to(untrained)
    add_influences(untrained, influences(fresh, asked, questions, None, each), questions.lags, work.seed)
    return Extra(rows=[*rows.rows, *control.rows, *untrained.rows])


def held_out(task: TextTask, count: int, seed: int) -> Tensor:
    """Return up to `count` held-out windows (W, T), spread evenly over the held-out text."""
    windows = task.windows["held_out"]
    return windows.batch(choose_windows(len(windows), windows.context, count * windows.context, seed))


def _decode(adapter: Adapter, tokens: Tensor, similarity: Tensor, settings: Settings) -> dict[str, float]:
    """Decode without the largest plan, or without the last layer where nothing passes the threshold."""
    depth = len(adapter.blocks)
    plan = plan_skips(similarity.mean(0), max(sizes(settings.plans.budgets, depth)), settings.plans.threshold).layers
    own = settings.decoding
    return decode_with_and_without_cache(adapter, tokens[: own.prompts, : own.prompt], plan or (depth - 1,), own.new)
