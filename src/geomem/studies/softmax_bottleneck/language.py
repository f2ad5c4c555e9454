"""The log-probability matrix of a language model over held-out contexts, multiplied out in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.geometry.softmax_rank import log_rank, mean_kl
from geomem.models.adapters import adapt
from geomem.probing.conditions import untrained_twin
from geomem.probing.rerun import batches
from geomem.probing.rows import Rows
from geomem.studies.checkpoints import open_adapter
from geomem.studies.language_model import subject, text_task
from geomem.texts.windows import choose_windows
from geomem.training.progress import Event
from geomem.training.work import Extra

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.runs.directory import Run
    from geomem.tasks.text import TextTask
    from geomem.training.progress import Listener
    from geomem.training.work import Work

PER_WINDOW = 4
"""Contexts taken of a window, evenly from its second token to its last."""


def run_language(work: Work, _run: Run, listener: Listener) -> Extra:
    """Measure the ranks of the trained model, and of its untrained twin."""
    adapter = open_adapter(subject(work).folder, work)
    tokens = _windows(text_task(work), work.settings["contexts"])
    arrays: dict[str, Tensor] = {}
    rows: list[Rows] = []
    for place, condition in enumerate(("", "untrained")):
        listener(Event(work.name, place, 2))
        model = adapt(untrained_twin(adapter.model, work.seed)) if condition else adapter
        found = Rows("", condition, seed=work.seed)
        arrays[condition or "trained"] = measure(model, tokens, work.settings["contexts"], found)
        rows.append(found)
    return Extra(rows=[row for found in rows for row in found.rows], arrays=arrays)


@torch.no_grad()
def measure(adapter: Adapter, tokens: Tensor, contexts: int, rows: Rows) -> Tensor:
    """Add the ranks of the model's log-probabilities over `contexts` places of windows (W, T); return the spectrum.

    What leaves the final norm and the output layer's weight are multiplied in float64. `layer_error` says whether that
    is all the model does: the largest difference to its own logits, over their largest.
    """
    states = torch.cat([_places(adapter.final(adapter.run(tokens[part]))) for part in batches(tokens)])[:contexts]
    weight, bias = adapter.unembedding, adapter.unembedding_bias
    assert weight is not None
    logits = states.double() @ weight.double().T
    if bias is not None:
        logits += bias.double()
    plain = torch.cat([
        _places(adapter.logits(adapter.run(tokens[part]))) for part in batches(tokens)
    ])[:contexts].double()  # fmt: skip
    found = log_rank(torch.log_softmax(logits, dim=1))
    most = min(weight.shape[1] + (0 if bias is None else 1), weight.shape[0] - 1, len(states))
    numbers = {
        "rank": found.rank,
        "plain_rank": found.plain_rank,
        "most": most,
        "plain_most": min(most + 1, weight.shape[0], len(states)),
        "stable_rank": found.stable,
        "effective_rank": found.effective,
        "float32_rank": log_rank(torch.log_softmax(plain, dim=1)).rank,
        "float32_kl": float(mean_kl(torch.softmax(logits, 1), torch.log_softmax(plain, 1))),
        "layer_error": float((plain - logits).abs().max() / logits.abs().max()),
        "contexts": len(states),
        "vocabulary": weight.shape[0],
        "dimension": weight.shape[1],
    }
    for name, value in numbers.items():
        rows.add(f"model/{name}", float(value))
    return found.singular_values


def _windows(task: TextTask, contexts: int) -> Tensor:
    windows = task.windows["held_out"]
    wanted = -(-contexts // PER_WINDOW)
    return windows.batch(choose_windows(len(windows), windows.context, wanted * windows.context, seed=0))


def _places(values: Tensor) -> Tensor:
    """Return `PER_WINDOW` places of each window (B, T, ...), as rows."""
    length = values.shape[1]
    places = torch.linspace(1, length - 1, PER_WINDOW).round().long()
    return values[:, places].flatten(0, 1)
