"""What a probe measures, on how much text, and how it runs: the settings behind `geomem probe`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from geomem.errors import InputError, unknown_name
from geomem.hardware import DeviceName, DtypeName
from geomem.probing import DEFAULT, ORDER
from geomem.spec import Spec

Control = Literal["untrained", "shuffled"]

SMALLEST_CONTEXT = 8


class ProbeSpec(Spec):
    """One probe: models, text, what to measure. Written to the run's header, so that --resume needs nothing else."""

    models: tuple[str, ...] = Field(min_length=1, description="checkpoint folders, runs, or fetched names")
    text: str = Field(description="a text file, or the name of a fetched or shipped text")
    tokenizer: str | None = Field(default=None, description="folder of a tokenizer, where the checkpoint has none")
    series: bool = Field(default=False, description="the models are steps of one training, in order")
    steps: tuple[int, ...] = Field(default=(), description="training step of every model of a series")
    measure: tuple[str, ...] = Field(default=DEFAULT, description="families of measurements")
    layers: tuple[int, ...] = Field(default=(), description="layers to measure; default: all")
    max_tokens: int = Field(default=8192, ge=SMALLEST_CONTEXT, description="tokens of the text to read")
    batch_tokens: int = Field(default=2048, ge=SMALLEST_CONTEXT, description="tokens a forward pass takes at once")
    context: int | None = Field(default=None, description="tokens a window; default: 512 or what the model allows")
    sample: int = Field(default=2048, ge=64, description="tokens kept at every layer for what needs single tokens")
    attention: bool = Field(default=False, description="also read attention weights (eager attention, more memory)")
    keep_sinks: bool = Field(default=False, description="leave attention sinks in the other measurements")
    controls: tuple[Control, ...] = Field(default=("untrained", "shuffled"), description="null models to measure too")
    graph: str | None = Field(default=None, description="a graph whose names are looked up in the model")
    templates: str | None = Field(default=None, description="file with a sentence a line that holds {name}")
    contexts: str | None = Field(default=None, description="folder of a context matrix to compare the model with")
    seed: int = Field(default=0, ge=0)
    device: DeviceName = "auto"
    dtype: DtypeName = "auto"
    workers: int = Field(default=1, ge=1, description="processes that share the text")
    threads: int | None = Field(default=None, ge=1, description="torch threads of a process; default: the free cores")
    executor: Literal["processes", "ray"] = Field(default="processes", description="where the workers run")

    @field_validator("measure")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        wanted = ORDER if "all" in names else names
        for name in wanted:
            if name not in ORDER:
                raise unknown_name("measurement", name, [*ORDER, "all"])
        if not wanted:
            raise InputError("nothing to measure; choose from: " + ", ".join(ORDER))
        return tuple(name for name in ORDER if name in wanted)

    @field_validator("context")
    @classmethod
    def _long_enough(cls, context: int | None) -> int | None:
        if context is not None and context < SMALLEST_CONTEXT:
            raise InputError(f"must be at least {SMALLEST_CONTEXT} tokens, got {context}")
        return context
