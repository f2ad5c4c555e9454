"""How well a trained model looks up behind any number of pauses, and behind a token that it knows as something else."""

from __future__ import annotations

import torch

from geomem.decoding.paused import Paused
from geomem.decoding.reader import Autoregressive
from geomem.studies.pause_tokens.predicates import CHANCE, SCORE, accuracy, filler
from geomem.studies.pause_tokens.settings import ASKED
from geomem.tasks.lookup import LookupTask
from geomem.tasks.made import score_labels
from geomem.training.loop import Trained
from geomem.training.spec import TrainSpec
from geomem.training.work import Extra


def ask(trained: Trained, spec: TrainSpec) -> Extra:
    """Return accuracy and loss on held-out prompts by number of pauses, and by number of `?` in their place."""
    task = trained.task
    assert isinstance(task, LookupTask)
    pause = task.alphabet().pause
    assert pause is not None
    batch = task.lookups("held_out", torch.arange(task.streams("held_out")["lookup"].size))
    device = next(trained.model.parameters()).device
    inner = Autoregressive(task.vocabulary.size)
    numbers = {CHANCE: task.chance[SCORE]}
    for count in ASKED:
        for name, token in ((accuracy(count), pause), (filler(count), task.tokens.query)):
            hits, losses = score_labels(trained.model, batch, Paused(inner, token, count), device)
            numbers[name] = float(hits.double().mean())
            numbers[name.replace("accuracy", "loss")] = float(losses.mean())
    return Extra(numbers)
