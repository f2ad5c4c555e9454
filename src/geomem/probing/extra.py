"""What a family of measurements is that runs the model for itself, after the pass over the text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from geomem.probing.plan import Plan
from geomem.probing.rows import Rows
from geomem.probing.spec import ProbeSpec
from geomem.probing.subject import Subject

Tell = Callable[[str, int, int], None]
"""Called with the name of what is being measured, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Task:
    """What an extra measures: a subject under a condition, on the windows of a plan."""

    subject: Subject
    condition: str
    spec: ProbeSpec
    plan: Plan

    @property
    def layers(self) -> tuple[int, ...]:
        """The blocks to look at: those asked for with --layers (which may be none: the last layer is no block)."""
        count = self.subject.shape.layers
        return tuple(layer for layer in self.spec.layers or range(count) if layer < count)


class Extra(ABC):
    """One family. name: as `--measure` knows it. needs: as for `family.Family`.

    conditions: under which it is measured; null models cost as much as the model itself.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    conditions: ClassVar[tuple[str, ...]] = ("",)

    @abstractmethod
    def measure(self, task: Task, rows: Rows, tell: Tell) -> None:
        """Add rows and arrays."""
