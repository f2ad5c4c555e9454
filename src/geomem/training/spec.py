"""What `geomem train FILE.yaml` reads: task, model, objective, stages, and what to measure when."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, SerializeAsAny, field_validator, model_validator

from geomem.errors import InputError, unknown_name
from geomem.geometry import MEASUREMENTS
from geomem.hardware import DeviceName, DtypeName
from geomem.models import MODELS
from geomem.objectives import OBJECTIVES
from geomem.spec import Spec, resolve, validate
from geomem.tasks import TASKS
from geomem.training.series import kept_steps


class Optimizer(Spec):
    """AdamW or SGD. Weight decay applies to every parameter, embeddings and norms included (arXiv 2510.26745)."""

    kind: Literal["adamw", "sgd"] = "adamw"
    lr: float = Field(default=1e-3, gt=0, description="peak learning rate")
    betas: tuple[float, float] = Field(default=(0.9, 0.99), description="AdamW's decay rates")
    eps: float = Field(default=1e-8, gt=0, description="AdamW's epsilon")
    momentum: float = Field(default=0.0, ge=0, lt=1, description="SGD's momentum")
    weight_decay: float = Field(default=0.01, ge=0, description="decoupled for AdamW, coupled for SGD")
    clip: float | None = Field(default=None, gt=0, description="largest gradient norm, or none")


class Schedule(Spec):
    """Learning rate over a stage: linear warm-up to the peak, then constant, cosine or linear down to `final`."""

    kind: Literal["constant", "cosine", "linear"] = "cosine"
    warmup: int = Field(default=0, ge=0, description="steps of linear warm-up")
    final: float = Field(default=0.1, ge=0, le=1, description="last learning rate as a share of the peak")


class Stage(Spec):
    """A stretch of training with its own optimiser, schedule and mix of data."""

    name: str = "main"
    steps: int = Field(default=..., ge=1)
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    mix: dict[str, float] | None = Field(
        default=None, description="share of each stream in the loss; default: the task's own"
    )
    batch: dict[str, int] = Field(default={}, description="examples of each stream a step; default: all of them")
    keep_optimizer: bool = Field(default=False, description="carry the optimiser's state over from the stage before")
    objective: SerializeAsAny[Spec] | None = Field(
        default=None, description="what the loss looks at in this stage; default: the run's own objective"
    )

    @field_validator("mix")
    @classmethod
    def _shares(cls, mix: dict[str, float] | None) -> dict[str, float] | None:
        if mix is not None and (not mix or min(mix.values()) < 0 or sum(mix.values()) <= 0):
            raise InputError("shares must be at least 0 and not all 0")
        return mix

    @field_validator("batch")
    @classmethod
    def _sizes(cls, batch: dict[str, int]) -> dict[str, int]:
        for stream, size in batch.items():
            if size < 1:
                raise InputError(f"{stream}: a batch holds at least 1 example, got {size}")
        return batch

    @field_validator("objective", mode="before")
    @classmethod
    def _objective(cls, value: object) -> Spec | None:
        return None if value is None else resolve(OBJECTIVES, value)


class Stop(Spec):
    """End early once an evaluated metric has stayed on the right side of a bound."""

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    patience: int = Field(default=1, ge=1, description="evaluations in a row that must meet the bound")

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise InputError("stop: give exactly one of at_least and at_most")
        return self

    def met(self, value: float) -> bool:
        """Return whether a value is on the right side."""
        return value >= self.at_least if self.at_least is not None else value <= (self.at_most or 0.0)


class TrainSpec(Spec):
    """One training run."""

    name: str = "train"
    seed: int = Field(default=0, ge=0)
    task: SerializeAsAny[Spec]
    model: SerializeAsAny[Spec]
    objective: SerializeAsAny[Spec] = Field(default_factory=lambda: resolve(OBJECTIVES, "next-token"))
    stages: tuple[Stage, ...] = Field(default=(), description="one after the other; none for word-vector models")
    measure: tuple[str, ...] = Field(default=(), description="measurements, by name")
    evaluate_every: int = Field(default=50, ge=1, description="steps between evaluations and measurements")
    evaluate_at: tuple[int, ...] = Field(default=(), description="further steps at which to evaluate")
    stop: Stop | None = None
    keep_at: tuple[int, ...] | str = Field(
        default=(), description="steps that leave a checkpoint in checkpoints/ and are evaluated; or log:N, N of them"
    )
    checkpoint_every: int | None = Field(
        default=None, ge=1, description="steps between checkpoints; default: by the clock"
    )
    checkpoint_seconds: float = Field(default=30.0, gt=0)
    device: DeviceName = "auto"
    dtype: DtypeName = "auto"
    compile: bool = Field(default=False, description="compile the model with torch.compile")
    threads: int | None = Field(default=None, ge=1, description="torch threads; default: the cores that are free")

    @field_validator("task", mode="before")
    @classmethod
    def _task(cls, value: object) -> Spec:
        return resolve(TASKS, value)

    @field_validator("model", mode="before")
    @classmethod
    def _model(cls, value: object) -> Spec:
        return resolve(MODELS, value)

    @field_validator("objective", mode="before")
    @classmethod
    def _objective(cls, value: object) -> Spec:
        return resolve(OBJECTIVES, value)

    @field_validator("measure")
    @classmethod
    def _measure(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in MEASUREMENTS:
                raise unknown_name("measurement", name, MEASUREMENTS)
        return names

    @model_validator(mode="after")
    def _stages_fit(self) -> Self:
        if elsewhere := getattr(self.model, "elsewhere", ""):
            raise InputError(f"model: {getattr(self.model, 'kind', 'this one')} is not trained by `train`; {elsewhere}")
        if self.sequence and not self.stages:
            raise InputError("stages: needs at least one, for example [{steps: 500}]")
        if not self.sequence and self.stages:
            raise InputError("stages: a word-vector model has none; its steps and rate are settings of the model")
        if not self.sequence and self.keep_at:
            raise InputError("keep_at: a word-vector model leaves its last checkpoint only")
        kept_steps(self.keep_at, self.steps)
        return self

    @property
    def sequence(self) -> bool:
        """False for word-vector models, which have no sequence axis and are trained in matrix form."""
        return bool(getattr(self.model, "sequence", True))

    @property
    def last_objective(self) -> Spec:
        """The objective the run ends with: how its model is asked afterwards."""
        return next((stage.objective for stage in self.stages[-1:] if stage.objective is not None), self.objective)

    @property
    def kept(self) -> tuple[int, ...]:
        """Steps that leave a checkpoint of their own, ascending."""
        return kept_steps(self.keep_at, self.steps)

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""
        if self.sequence:
            return sum(stage.steps for stage in self.stages)
        return int(getattr(self.model, "total_steps", 0))


def load_spec(path: Path | None, overrides: list[str]) -> TrainSpec:
    """Read a YAML file (or nothing) and apply `key=value` overrides, then validate everything.

    Raises InputError, one line an error.
    """
    data: dict[str, Any] = {} if path is None else _read_yaml(path)
    for override in overrides:
        set_key(data, override)
    return validate(TrainSpec, data, "" if path is None else path.name)


def set_key(data: dict[str, Any], override: str) -> None:
    """Apply one `a.b.0.c=value` to nested data in place; the value is read as YAML.

    Raises InputError when it is not of that form, or the path leads through something that is no mapping or list.
    """
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise InputError(f"--set {override}: expected key=value, for example model.width=64")
    try:
        value = yaml.safe_load(text) if text else ""
    except yaml.YAMLError:
        raise InputError(f"--set {override}: the value is not valid YAML") from None
    place: Any = data
    parts = key.split(".")
    for depth, part in enumerate(parts[:-1]):
        here = ".".join(parts[: depth + 1])
        if isinstance(place, list):
            place = place[_index(place, part, here)]
        else:
            if isinstance(place.get(part), str):
                place[part] = {"kind": place[part]}
            # A list that is not there yet begins with its first item: stages.0.steps=200 is a whole list of stages.
            place = place.setdefault(part, [] if parts[depth + 1] == "0" else {})
        if not isinstance(place, dict | list):
            raise InputError(f"--set {override}: {here} is the value {place!r}, not a group of settings")
    if isinstance(place, list):
        place[_index(place, parts[-1], key)] = value
    else:
        place[parts[-1]] = value


def _index(items: list[Any], part: str, here: str) -> int:
    if not items and part == "0":
        items.append({})
    if not part.isdigit() or int(part) >= len(items):
        raise InputError(f"--set {here}: expected a number from 0 to {len(items) - 1}, got '{part}'")
    return int(part)


def _read_yaml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"no such file: {path}")
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark is not None else ""
        raise InputError(f"{path}{place}: not valid YAML ({getattr(error, 'problem', error)})") from None
    if not isinstance(data, dict):
        raise InputError(f"{path}: expected settings as 'key: value' lines, got {type(data).__name__}")
    return data
