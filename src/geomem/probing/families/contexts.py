"""With a context matrix: whether the model says, and holds, what was counted after each context."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from geomem.contexts.matrix import ContextMatrix
from geomem.contexts.pictures import angular_order
from geomem.contexts.supports import support_patterns
from geomem.numbers import number
from geomem.probing.context_geometry import centred_cosines, gram_rows, measure_geometry, support_gram
from geomem.probing.context_numbers import estimates, frequency_sums, model_sums
from geomem.probing.contexts import chosen_contexts, open_matching, read_contexts
from geomem.probing.extra import Extra, Task, Tell
from geomem.probing.rerun import add_estimate
from geomem.probing.rows import Rows

SHOWN = 20
"""Contexts in the picture: more names have no room beside it."""


class ContextGeometry(Extra):
    """The model beside a saved context matrix, on its 512 most frequent contexts (arXiv 2408.15417).

    What it predicts after each: `gap`, nats above the entropy of the counts; `inside`, its mass on tokens that were
    counted there; `log_odds`, correlation of log-odds inside the supports; `direction`, cosine of the rest of the
    logits with the centred support. Chance: a guesser that knows the frequencies of next tokens and no context. And
    the state it predicts from: `support_cka`, alignment with the centred support at every layer, and subspace
    collapse. Null models: the untrained twin, and the same contexts with their tokens shuffled.
    """

    name = "contexts"
    needs = ("causal", "head")
    conditions = ("", "untrained", "shuffled")

    def measure(self, task: Task, rows: Rows, tell: Tell) -> None:
        """Run the model once on every context and compare."""
        spec, subject = task.spec, task.subject
        contexts = open_matching(spec, subject)
        if contexts is None:
            return
        matrix = chosen_contexts(contexts.matrix)
        shuffled = spec.seed if task.condition == "shuffled" else None
        if shuffled is not None and matrix.length == 1:
            return  # one token has one order
        read = read_contexts(
            subject.adapter,
            subject.tokenizer,
            matrix,
            batch_tokens=spec.batch_tokens,
            shuffled=shuffled,
            progress=lambda done, total: tell(self.name, done, total),
        )
        _predictions(task, matrix, read.streams[-1], rows)
        tell("geometry of contexts", 0, 1)
        last = len(read.streams) - 1
        with torch.no_grad():
            final = subject.adapter.final(read.streams[last].to(subject.adapter.device)).cpu()
        states = {layer: final.float() if layer == last else read.streams[layer]
                  for layer in spec.layers or range(last + 1)}  # fmt: skip
        measure_geometry(states, matrix, rows, spec.seed)
        _keep_picture(states, matrix, rows)
        if not task.condition:
            share = matrix.samples / contexts.matrix.samples
            rows.lines.append(
                f"contexts: the {number(len(matrix))} most frequent of {number(len(contexts.matrix))} contexts of "
                f"{spec.contexts}, with {number(share, percent=True)} of its samples"
            )


def _predictions(task: Task, matrix: ContextMatrix, stream: Tensor, rows: Rows) -> None:
    with torch.no_grad():
        own = estimates(model_sums(task.subject.adapter, stream, matrix), task.spec.seed)
    guess = estimates(frequency_sums(matrix), task.spec.seed)
    for name, one in own.items():
        if not math.isnan(one.value):  # what cannot be said is left out
            add_estimate(rows, f"contexts/{name}", one)
            rows.chance(f"contexts/{name}", guess[name].value)
    if not task.condition:
        rows.add("contexts/contexts", float(len(matrix)))
        rows.add("contexts/types", float(len(matrix.types)))
        rows.add("contexts/samples", matrix.samples)


def _keep_picture(states: dict[int, Tensor], matrix: ContextMatrix, rows: Rows) -> None:
    """Keep which contexts are the most frequent ones, and cosines of their supports and of their states.

    The states are those of the layer that is nearest to the supports. Contexts of similar supports stand together.
    """
    supports = centred_cosines(gram_rows(support_gram(support_patterns(matrix.compact()))))
    often = torch.sort(matrix.totals, descending=True, stable=True).indices[:SHOWN]
    _, vectors = torch.linalg.eigh(supports[often][:, often])
    shown = often[angular_order(vectors[:, -2:])]
    layer = max(states, key=lambda one: rows.value("contexts/support_cka", one))
    rows.keep(
        {
            "contexts/tokens": matrix.contexts[shown],
            "contexts/supports": supports[shown][:, shown],
            "contexts/states": centred_cosines(states[layer])[shown][:, shown],
            "contexts/layer": torch.tensor([layer]),
        }
    )
