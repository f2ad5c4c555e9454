"""What a real model's sinks are like by depth, and what leaving them out changes (card, gates B and C).

Three passes over held-out text: sinks left out, sinks kept, and an untrained twin as control.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from geomem.probing.passes import measured, read_pass
from geomem.probing.rows import Rows
from geomem.probing.spec import ProbeSpec
from geomem.probing.subject import open_subject
from geomem.runs.directory import Run
from geomem.runs.tables import Measurement
from geomem.spec import validate
from geomem.studies.attention_sinks.secondary import look_closely
from geomem.studies.attention_sinks.settings import Reading
from geomem.studies.language_model import subject, text_task
from geomem.training.progress import Event, Listener
from geomem.training.work import Extra, Work

WITH_SINKS = "with-sinks"
"""Condition of rows that count every token."""
MASSIVE = 5.0
"""Norm of position 0 over the median from which a layer counts (card, gate B)."""
ACTIVE = 0.5
"""Share of windows whose sink is active from which masking is judged at a layer."""
RANK, COSINE = "spectrum/rankme", "spectrum/anisotropy"


@dataclass(frozen=True)
class Depth:
    """One model by block.

    attention: (L,) mean attention to position 0, NaN without attention weights. ratios: (L,) its norm over the median.
    """

    attention: list[float]
    ratios: list[float]

    @classmethod
    def of(cls, rows: Rows) -> Depth:
        """Gather them from a pass."""
        ratios = rows.arrays["attention/places"][:, 0].tolist()
        return cls([rows.value("attention/first_token", layer) for layer in range(len(ratios))], ratios)

    def gates(self) -> dict[str, float]:
        """Return the two quantities of gate B: attention over the middle half of the blocks, and the massive share."""
        count = len(self.ratios)
        middle = self.attention[count // 4 : count - count // 4]
        return {
            "sinks/middle_attention": statistics.fmean(middle),
            "sinks/massive_share": sum(ratio >= MASSIVE for ratio in self.ratios) / count,
        }


def measure(work: Work, run: Run, listener: Listener) -> Extra:
    """Read the text with and without sinks, and with untrained weights; then look at secondary sinks one by one."""
    reading = validate(Reading, work.settings["reading"])
    opened = open_subject("model", str(subject(work).folder), work.device, "float32", None)
    given = work.settings.get("model") is not None
    limit = opened.adapter.context or reading.context
    task = text_task(work, context=min(reading.context, limit) if given else None)
    windows = task.windows["held_out"]
    spec = _spec(reading, windows.context, work)

    def passed(number: int, condition: str, **changes: Any) -> tuple[Rows, Any]:
        listener(Event(work.name, number, 4))
        reader = read_pass(opened, condition, spec.model_copy(update=changes), windows.tokens)
        return measured(reader, opened, condition), reader

    found, reader = passed(0, "")
    untrained, _ = passed(1, "untrained", measure=("attention",))
    whole, _ = passed(2, "", measure=("spectrum",), keep_sinks=True, attention=False)
    listener(Event(work.name, 3, 4))
    closely = look_closely(opened.adapter, _first_windows(reader, reading.windows), reading)
    depth = Depth.of(found)
    numbers = {
        "sinks/parameters": float(sum(weight.numel() for weight in opened.model.parameters())),
        "sinks/layers": float(opened.shape.layers),
        "sinks/windows": float(len(reader.plan.chosen)),
        **depth.gates(),
        **masking(found, whole, opened.shape.layers),
        **closely.numbers,
    }
    control = Depth.of(untrained)
    rows = [
        *_profile(depth, ""),
        *_profile(control, "untrained"),
        *(Measurement(metric=name, condition="untrained", value=value) for name, value in control.gates().items()),
        *(row.model_copy(update={"model": ""}) for row in found.rows if row.metric.startswith("attention/")),
        *_after_blocks(found, ""),
        *_after_blocks(whole, WITH_SINKS),
        *closely.rows,
    ]
    return Extra(numbers, {"places": found.arrays["attention/places"], **closely.arrays}, rows)


def masking(found: Rows, whole: Rows, layers: int) -> dict[str, float]:
    """Return how much effective rank and mean cosine change when sinks are kept, |with / without - 1|.

    The median over the layers where the sink is active in more than half of the windows; NaN when there is none.
    """
    active = [layer for layer in range(layers) if found.value("attention/active", layer) > ACTIVE]
    changes = {
        name: [abs(whole.value(metric, layer + 1) / found.value(metric, layer + 1) - 1) for layer in active]
        for name, metric in (("rank", RANK), ("cosine", COSINE))
    }
    return {
        "sinks/active_layers": float(len(active)),
        **{f"masking/{name}": statistics.median(values) if values else math.nan for name, values in changes.items()},
    }


def _spec(reading: Reading, context: int, work: Work) -> ProbeSpec:
    return validate(
        ProbeSpec,
        {
            "models": ("model",),
            "text": work.settings["lm"]["text"],
            "measure": ("spectrum", "attention"),
            "max_tokens": max(reading.tokens, context),
            "batch_tokens": max(reading.batch_tokens, context),
            "context": context,
            "sample": reading.sample,
            "attention": True,
            "seed": work.seed,
            "device": work.device,
        },
    )


def _first_windows(reader: Any, count: int) -> Tensor:
    """Return the first windows that a pass has read, (B, T)."""
    batches = [reader.plan.batch(number)[0] for number in range(min(count, reader.plan.batches))]
    return torch.cat(batches)[:count]


def _profile(depth: Depth, condition: str) -> list[Measurement]:
    return [
        Measurement(metric=metric, condition=condition, layer=layer, value=value)
        for metric, values in (("sinks/first_token", depth.attention), ("sinks/norm_ratio", depth.ratios))
        for layer, value in enumerate(values)
        if not math.isnan(value)
    ]


def _after_blocks(rows: Rows, condition: str) -> list[Measurement]:
    """Return rank and cosine with the number of the block they come after in the place of the stream's."""
    return [
        row.model_copy(update={"model": "", "condition": condition, "layer": row.layer - 1})
        for row in rows.rows
        if row.metric in (RANK, COSINE) and row.condition == "" and row.layer
    ]
