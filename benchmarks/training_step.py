"""Training on path-stars in the prompt: geomem's loop, which makes its examples as it goes, against the Trainer.

The Trainer has a GPT-2 of transformers of the same shape and the same examples, made beforehand and held as lists, as
its users hold them; that they need not be made is to its advantage. Every example has the same length, so its default
collator is used and nothing is padded. Labels, learning rate, AdamW and weight decay are the same; no logging,
evaluation, saving or clipping. The loop is timed with geomem's Transformer and with the GPT-2 itself.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, Trainer, TrainingArguments

from benchmarks.peer import Clock, Example
from benchmarks.settings import loop_of, step_seconds
from benchmarks.timing import Row, clock, in_turns, median_ratio, threads
from geomem.models import MODELS
from geomem.spec import resolve, validate
from geomem.training.spec import TrainSpec

FIELDS = ("layers", "width", "batch", "tokens", "answers", "threads", "own_model_tokens_s", "same_model_tokens_s",
          "trainer_tokens_s", "own_model_ratio", "same_model_ratio")  # fmt: skip
STAR = {"kind": "in-context-path", "arms": 2, "length": 5, "test_size": 64}
"""G(2, 5) in the prompt: 8 edges, 26 tokens, and a path of 5 to answer (arXiv 2403.06963, section 4)."""
RATE = 3e-4


def run(quick: bool) -> Iterator[Row]:
    """Compare at 2 layers of width 64 and at 6 layers of width 384."""
    if quick:
        yield _compare(1, 8, 2, batch=4, steps=2, rounds=1)
        return
    yield _compare(2, 64, 4, batch=128, steps=10, rounds=5)
    yield _compare(6, 384, 6, batch=32, steps=3, rounds=3)


def _compare(layers: int, width: int, heads: int, *, batch: int, steps: int, rounds: int) -> Row:
    shape = {"width": width, "layers": layers, "heads": heads}
    with (
        tempfile.TemporaryDirectory() as folder,
        loop_of(stars({"kind": "transformer", **shape}, batch)) as own,
        loop_of(stars({"kind": "hf", **shape}, batch)) as same,
    ):
        model: Any = resolve(MODELS, {"kind": "hf", **shape}).build(own.task.vocabulary.size, 0)  # pyright: ignore
        rows = examples(own, batch * (steps + 1))
        works = {
            "own_model": lambda: step_seconds(own, steps, 1),
            "same_model": lambda: step_seconds(same, steps, 1),
            "trainer": lambda: _trainer_step(model, rows, batch, steps + 1, Path(folder)),
        }
        taken = in_turns(works, rounds)
    tokens = len(rows[0]["input_ids"])
    answers = sum(label >= 0 for label in rows[0]["labels"])
    return {
        "layers": layers, "width": width, "batch": batch, "tokens": tokens, "answers": answers, "threads": 1,
        **{f"{name}_tokens_s": batch * tokens / statistics.median(values) for name, values in taken.items()},
        "own_model_ratio": median_ratio(taken["trainer"], taken["own_model"]),
        "same_model_ratio": median_ratio(taken["trainer"], taken["same_model"]),
    }  # fmt: skip


def stars(model: dict[str, Any], batch: int) -> TrainSpec:
    """Return the training of a model on path-stars."""
    stage = {
        "steps": 1000, "batch": {"paths": batch}, "schedule": {"kind": "constant"},
        "optimizer": {"lr": RATE, "weight_decay": 0.0},
    }  # fmt: skip
    task = {**STAR, "train_size": 1000 * batch}
    return validate(TrainSpec, {"task": task, "model": model, "stages": [stage], "device": "cpu", "threads": 1})


def examples(loop: Any, count: int) -> list[Example]:
    """Return the first examples of a loop's one stream as lists of tokens and labels."""
    (stream,) = loop.streams.values()
    batch = stream.batch(torch.arange(count))
    pairs = zip(batch.tokens.tolist(), batch.labels.tolist(), strict=True)
    return [{"input_ids": tokens, "labels": labels} for tokens, labels in pairs]


def _trainer_step(model: Any, rows: list[Example], batch: int, steps: int, folder: Path) -> float:
    """Return the mean seconds of a step, the first left out."""
    now = Clock(clock(1))
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=batch,
        max_steps=steps,
        learning_rate=RATE,
        lr_scheduler_type="constant",
        max_grad_norm=0.0,
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
    )
    trainer = Trainer(model=model, args=arguments, train_dataset=rows, callbacks=[now])  # pyright: ignore[reportArgumentType]
    trainer.remove_callback(PrinterCallback)
    with threads(1):
        trainer.train()
    return (now.ends[-1] - now.ends[0]) / (len(now.ends) - 1)
