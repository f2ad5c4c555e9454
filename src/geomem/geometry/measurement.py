"""What a registered measurement is, and how it is given its evidence."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from geomem.errors import InputError, nearest
from geomem.geometry import MEASUREMENTS


@dataclass(frozen=True)
class Measurement:
    """A named pure function from evidence (tensors, by argument name) to named numbers.

    name: as registered. source: where the formula comes from.
    chance: in words, what the numbers are when nothing was learned, and which returned key holds it.
    function: arguments before `*` are evidence and are passed by name; those with a default are optional evidence;
        arguments after `*` are settings, which `measure` leaves at their defaults.
    """

    name: str
    function: Callable[..., dict[str, float]]
    source: str
    chance: str

    @property
    def summary(self) -> str:
        """One line about it, as registered."""
        return MEASUREMENTS.summary(self.name)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the evidence without which the measurement cannot be taken."""
        return tuple(name for name, parameter in self._evidence() if parameter.default is inspect.Parameter.empty)

    @property
    def optional_inputs(self) -> tuple[str, ...]:
        """Names of the evidence that is used when present."""
        return tuple(name for name, parameter in self._evidence() if parameter.default is not inspect.Parameter.empty)

    def __call__(self, evidence: Mapping[str, object]) -> dict[str, float]:
        """Take the measurement. Raises InputError naming the first missing piece of evidence.

        Tensors are detached, and brought to the device of the first floating-point one: a model's tables may live on
        a GPU while the task keeps its edges on the CPU.
        """
        present = {name for name, value in evidence.items() if value is not None}
        self.require(present)
        wanted = [name for name in (*self.inputs, *self.optional_inputs) if name in present]
        return self.function(**_on_one_device({name: evidence[name] for name in wanted}))

    def require(self, available: Collection[str]) -> None:
        """Raise InputError when evidence of one of the needed names is not available."""
        for name in self.inputs:
            if name not in available:
                guess = nearest(name, available)
                hint = f"; the nearest given is '{guess}'" if guess else ""
                raise InputError(f"measurement '{self.name}' needs '{name}', which is not available here{hint}")

    def _evidence(self) -> list[tuple[str, inspect.Parameter]]:
        parameters = inspect.signature(self.function).parameters
        return [(n, p) for n, p in parameters.items() if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]


def _on_one_device(values: dict[str, object]) -> dict[str, object]:
    tensors = {name: value.detach() for name, value in values.items() if isinstance(value, Tensor)}
    device = next((value.device for value in tensors.values() if value.is_floating_point()), None)
    return values | {name: value if device is None else value.to(device) for name, value in tensors.items()}


def check(names: Iterable[str], available: Collection[str]) -> None:
    """Check, before anything is spent, that the named measurements exist and will find their evidence.

    Raises InputError naming the unknown measurement (with the nearest name) or the missing evidence.
    """
    for name in names:
        MEASUREMENTS.get(name).require(available)


def measure(names: Iterable[str], evidence: Mapping[str, object]) -> dict[str, float]:
    """Take several measurements; return {"measurement/quantity": number}.

    `evidence` maps names (embeddings, edges, ...) to tensors; values that are None count as missing.
    Raises InputError as `check` does.
    """
    chosen = [MEASUREMENTS.get(name) for name in names]
    return {f"{part.name}/{key}": value for part in chosen for key, value in part(evidence).items()}
