"""Training steps per second: geomem's loop against the Hugging Face Trainer, same model, same data.

A step covers everything: on G(250,4) 1500 edge examples and 187 training paths. The Trainer sees them as 1687 padded
sequences. The loop sees the edges once as 1500 sequences ("examples", which leaves only the loop's own gain) and once
as the 751 distinct contexts that stand for them ("contexts", the default of geomem; same loss and gradient).
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.peer import trainer_step
from benchmarks.settings import full_batch, loop_of, step_seconds, transformer
from benchmarks.timing import Row, clock, in_turns, median_ratio, threads
from geomem.models import MODELS
from geomem.spec import resolve

FIELDS = ("model", "width", "threads", "examples_per_step", "contexts_ms", "examples_ms", "trainer_ms",
          "contexts_ratio", "examples_ratio")  # fmt: skip


def run(quick: bool) -> Iterator[Row]:
    """Time geomem's Transformer and transformers' GPT-2, each in the loop and under the Trainer."""
    if quick:
        yield _compare("transformer", 8, 1, arms=8, steps=2, rounds=1)
        return
    for kind, count in (("transformer", 1), ("hf", 1), ("transformer", 2)):
        for width in (64, 128):
            yield _compare(kind, width, count, arms=250, steps=5, rounds=5)
    yield _compare("transformer", 512, 1, arms=250, steps=2, rounds=2)


def _compare(kind: str, width: int, count: int, *, arms: int, steps: int, rounds: int) -> Row:
    contexts, examples = (full_batch(arms, 4, transformer(width, kind), form) for form in ("contexts", "examples"))
    with tempfile.TemporaryDirectory() as folder, loop_of(contexts) as first, loop_of(examples) as second:
        task: Any = second.task
        model = resolve(MODELS, transformer(width, kind)).build(task.vocabulary.size, 0)  # pyright: ignore
        works = {
            "contexts": lambda: step_seconds(first, steps, count),
            "examples": lambda: step_seconds(second, steps, count),
            "trainer": lambda: _trainer_turn(task, model, steps, count, folder),
        }
        taken = in_turns(works, rounds)
    name = "geomem transformer" if kind == "transformer" else "transformers gpt2"
    edges = 6 * arms
    milliseconds = {f"{way}_ms": 1000 * statistics.median(values) for way, values in taken.items()}
    return {
        "model": name, "width": width, "threads": count, "examples_per_step": edges + int(0.75 * arms), **milliseconds,
        "contexts_ratio": median_ratio(taken["trainer"], taken["contexts"]),
        "examples_ratio": median_ratio(taken["trainer"], taken["examples"]),
    }  # fmt: skip


def _trainer_turn(task: Any, model: Any, steps: int, count: int, folder: str) -> float:
    with threads(count):
        return trainer_step(task, model, steps + 1, Path(folder), clock(count))
