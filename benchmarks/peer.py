"""The peer of the training loop: the same task under the Hugging Face Trainer, set up as its documentation says.

One example per edge and per path, held in a Dataset, padded to the longest of the batch by the collator, labels -100
where no loss is taken. Logging, evaluation, saving and gradient clipping are off, as they are in what it is
compared with.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from geomem.batch import IGNORE, Batch
from geomem.tasks.task import Task

Example = dict[str, list[int]]


class Examples(Dataset[Example]):
    """All edges and training paths of a task whose `edge_form` is "examples"."""

    def __init__(self, task: Task) -> None:
        self.rows: list[Example] = []
        for stream in task.streams("train").values():
            batch = stream.full()
            assert isinstance(batch, Batch), "the peer trains on one example per edge"
            tokens, labels = batch.tokens.tolist(), batch.labels.tolist()
            self.rows += [{"input_ids": one, "labels": two} for one, two in zip(tokens, labels, strict=True)]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Example:
        return self.rows[index]


class Pad:
    """Pad a batch on the right."""

    def __init__(self, pad: int) -> None:
        self.pad = pad

    def __call__(self, rows: list[Example]) -> dict[str, Tensor]:
        tokens = [torch.tensor(row["input_ids"]) for row in rows]
        labels = [torch.tensor(row["labels"]) for row in rows]
        return {
            "input_ids": pad_sequence(tokens, batch_first=True, padding_value=self.pad),
            "labels": pad_sequence(labels, batch_first=True, padding_value=IGNORE),
            "attention_mask": pad_sequence([torch.ones_like(row) for row in tokens], batch_first=True),
        }


class Clock(TrainerCallback):
    """Notes when each optimiser step ends: the time between two holds everything a step needs, loading included."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.ends: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.ends.append(self.now())


def trainer_step(
    task: Any, model: nn.Module, steps: int, folder: Path, now: Callable[[], float] = time.perf_counter
) -> float:
    """Train for `steps` full-batch steps and return the mean seconds a step by the clock `now`, the first left out."""
    examples, clock = Examples(task), Clock(now)
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=len(examples),
        max_steps=steps,
        learning_rate=1e-3,
        max_grad_norm=0.0,
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
    )
    trainer = Trainer(model=model, args=arguments, train_dataset=examples, data_collator=Pad(task.vocabulary.pad),
                      callbacks=[clock])  # fmt: skip
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return (clock.ends[-1] - clock.ends[0]) / (len(clock.ends) - 1)
