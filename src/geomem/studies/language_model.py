"""The small language model that studies share: a GPT-2 of under a million weights, trained on two novels in minutes.

Six layers of width 96, four heads, context 64, a byte-level BPE of 1024 tokens and 0.9 million tokens of training, with
checkpoints at log-spaced steps. Any checkpoint on disk takes its place with `--set model=PATH`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from geomem.models.places import find_checkpoint
from geomem.spec import Spec, validate
from geomem.studies.study import Cell, Shared
from geomem.tasks.specs import TextSpec
from geomem.training.series import log_spaced, series
from geomem.training.spec import TrainSpec
from geomem.training.work import Work

if TYPE_CHECKING:
    from geomem.tasks.text import TextTask

MODEL, SIBLING = "model", "sibling"
"""Names under which works know the language model and its shallower sibling."""

_FLOPS = 4e10
"""Floating-point operations a second that one core of a laptop does in such a training, measured."""


class SmallLM(Spec):
    """Size and training of the small language model."""

    text: str = Field(default="novels", description="what it is trained on: a shipped text, a fetched one or a file")
    vocabulary: int = Field(default=1024, ge=257, description="tokens of the byte-level BPE")
    context: int = Field(default=64, ge=2, description="tokens of a window")
    width: int = 96
    layers: int = Field(default=6, ge=1)
    heads: int = 4
    steps: int = Field(default=900, ge=1)
    batch: int = Field(default=16, ge=1, description="windows a step")
    lr: float = 3e-3
    warmup: int = Field(default=100, ge=0, description="steps of linear warm-up")
    weight_decay: float = 0.01
    keep: int = Field(default=16, ge=1, description="log-spaced steps that leave a checkpoint")
    keep_at: tuple[int, ...] = Field(
        default=(100,), description="further steps that leave one, where training comes so far"
    )

    @property
    def kept(self) -> tuple[int, ...]:
        """Steps that leave a checkpoint: 0, log-spaced ones to the last, the end of the warm-up, and `keep_at`."""
        further = (step for step in (self.warmup, *self.keep_at) if step <= self.steps)
        return tuple(sorted({*log_spaced(self.keep, self.steps), *further}))

    @property
    def tokens(self) -> int:
        """Tokens it is trained on."""
        return self.steps * self.batch * self.context

    @property
    def weights(self) -> int:
        """Weights it has, norms and biases aside."""
        return self.width * (self.vocabulary + self.context + 12 * self.layers * self.width)

    @property
    def seconds(self) -> float:
        """Expected seconds on one core: six operations a weight and token, and a second to read the text."""
        return 1.0 + 6 * self.weights * self.tokens / _FLOPS

    @property
    def sibling(self) -> SmallLM:
        """The same with half the layers."""
        return self.model_copy(update={"layers": max(1, self.layers // 2)})


LAPTOP_LM = SmallLM()
SMOKE_LM = SmallLM(vocabulary=300, context=16, width=16, layers=4, heads=2, steps=40, batch=8, warmup=5, keep=5)
PAPER_LM = SmallLM(
    text="wikitext-2/train",
    vocabulary=16_384,
    context=512,
    width=768,
    layers=12,
    heads=12,
    steps=5_000,
    batch=32,
    lr=6e-4,
    warmup=500,
    weight_decay=0.1,
    keep=24,
)


def reading_seconds(model: str, tokens: float) -> float:
    """Return the expected seconds in which one core reads so many tokens with a checkpoint: two operations a weight.

    Raises InputError when `model` is no checkpoint.
    """
    return 2 * _weights(find_checkpoint(model)) * tokens / _FLOPS


def _weights(place: Path) -> float:
    """Return about how many weights a checkpoint has: from its headers, else from its size, at half a byte each."""
    from safetensors import SafetensorError, safe_open

    files = sorted(place.glob("*.safetensors")) if place.is_dir() else []
    try:
        found = 0
        for file in files:
            with safe_open(file, framework="pt") as weights:
                found += sum(math.prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118
    except (SafetensorError, OSError):  # whoever opens it says what is wrong with it
        return 0
    return found or (2 * place.stat().st_size if place.is_file() else 0)


def small_lm(settings: SmallLM, seed: int) -> TrainSpec:
    """Return the training of the small language model; its architecture is GPT-2's, so that any tool opens it."""
    stage = {
        "steps": settings.steps,
        "batch": {"text": settings.batch},
        "optimizer": {"lr": settings.lr, "weight_decay": settings.weight_decay, "clip": 1.0},
        "schedule": {"warmup": settings.warmup},
    }
    return validate(
        TrainSpec,
        {
            "name": f"small-lm-{settings.layers}-layers-seed-{seed}",
            "seed": seed,
            "task": {
                "kind": "text",
                "text": settings.text,
                "vocabulary": settings.vocabulary,
                "context": settings.context,
            },
            "model": {
                "kind": "hf",
                "architecture": "gpt2",
                "width": settings.width,
                "layers": settings.layers,
                "heads": settings.heads,
                "max_positions": settings.context,
            },
            "stages": [stage],
            "keep_at": settings.kept,
            "evaluate_every": settings.steps,
            "threads": 1,
        },
    )


def shared_lm(settings: SmallLM, seed: int) -> Shared:
    """Return the small language model as a training that studies share."""
    return Shared(small_lm(settings, seed), settings.seconds)


def lm_cells(
    condition: str,
    function: str,
    seeds: Sequence[int],
    settings: SmallLM,
    *,
    model: str | None = None,
    sibling: bool = False,
    own: Mapping[str, Any] | None = None,
    cost: float = 1.0,
) -> list[Cell]:
    """Return a cell a seed that calls `function` on the small language model of that seed.

    model: a checkpoint, a run or the name of a fetched model that takes its place; there is one of it, so one cell.
    sibling: the work also needs the model with half the layers (not where `model` is given).
    own: what else the function is told; it finds `subject(work)` and `text_task(work)` by itself.
    Raises InputError when `model` is no checkpoint.
    """
    told = {**(own or {}), "lm": settings.model_dump(mode="json")}
    if model is not None:
        find_checkpoint(model)
        return [Cell(condition, 0, Work(function=function, settings={**told, "model": model}), cost=cost)]
    cells: list[Cell] = []
    for seed in seeds:
        needs = {MODEL: shared_lm(settings, seed)}
        if sibling:
            needs[SIBLING] = shared_lm(settings.sibling, seed)
        cells.append(Cell(condition, seed, Work(seed=seed, function=function, settings=told), cost=cost, needs=needs))
    return cells


@dataclass(frozen=True)
class Subject:
    """The language model that a work looks at.

    folder: its checkpoint with the tokenizer; a file for a model that came as GGUF.
    series: (step, folder) of the checkpoints on the way to it, if any.
    """

    folder: Path
    series: tuple[tuple[int, Path], ...] = ()


def subject(work: Work, name: str = MODEL) -> Subject:
    """Return the language model of a work made by `lm_cells`: the one trained for it, or the user's.

    Raises RunError when it has no such model (the sibling of a user's), and InputError when a checkpoint has gone.
    """
    given = work.settings.get("model")
    path = work.run_of(name).path if given is None or name != MODEL else Path(str(given))
    return Subject(find_checkpoint(path), tuple(series(path)))


def text_task(work: Work, *, context: int | None = None) -> TextTask:
    """Return the text that a work is about in the tokens of its model: windows to fit on, and held-out ones.

    context: tokens of a window, by default as many as the small language model is trained on.
    """
    from geomem.models.tokenizers import open_tokenizer
    from geomem.tasks.text import TextTask

    settings = validate(SmallLM, work.settings["lm"])
    spec = validate(TextSpec, {"text": settings.text, "context": context or settings.context})
    return TextTask(spec, work.seed, open_tokenizer(subject(work).folder))
