"""The shape of a study: experiments made of cells, each one training or piece of work under a condition and a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from geomem.runs.exhibits import Exhibit
from geomem.spec import Spec
from geomem.studies.claim import Claim

if TYPE_CHECKING:
    from geomem.studies.evidence import Evidence
    from geomem.training.spec import TrainSpec
    from geomem.training.work import Work

ScaleName = Literal["smoke", "laptop", "paper"]


@dataclass(frozen=True)
class Shared:
    """A training that cells need and do not own: done once, and kept for every study that asks for the same.

    cost: expected seconds on one core.
    """

    spec: TrainSpec
    cost: float = 1.0


@dataclass(frozen=True)
class Cell:
    """One training of a study, or one piece of work, such as a measurement of models that were trained before.

    after: "module:function" of what to work out from the trained model (see `training.pool.Job`); of trainings alone.
    cost: expected seconds on one core, for packing and for the estimate shown before the run.
    needs: shared trainings that a work reads, by the name it knows each by.
    """

    condition: str
    seed: int
    spec: TrainSpec | Work
    after: str = ""
    cost: float = 1.0
    needs: Mapping[str, Shared] = field(default_factory=dict[str, Shared])


def shared_trainings(cells: Iterable[Cell]) -> list[Shared]:
    """Return the trainings that some cells need, each once."""
    found: list[Shared] = []
    for need in (need for cell in cells for need in cell.needs.values()):
        if all(need.spec != one.spec for one in found):
            found.append(need)
    return found


@dataclass(frozen=True)
class Experiment:
    """A group of cells that settle some claims and make some pictures.

    seeds: how many seeds by default, by scale. headline: part of the default run.
    """

    name: str
    title: str
    summary: str
    cells: Callable[[Any, Sequence[int]], list[Cell]]
    exhibits: Callable[[Evidence], Sequence[Exhibit]]
    seeds: dict[ScaleName, int]
    headline: bool = False


@dataclass(frozen=True)
class Study:
    """A paper as a program.

    scales: the settings of each scale, by name; they share one Spec class, and `--set` changes them by key.
    finding: evidence by experiment -> the sentence of the report's first screen, computed from what was measured.
    """

    name: str
    title: str
    paper: str
    citation: str
    summary: str
    scales: dict[ScaleName, Spec]
    experiments: tuple[Experiment, ...]
    claims: tuple[Claim, ...]
    finding: Callable[[dict[str, Evidence]], str]

    def experiment(self, name: str) -> Experiment:
        """Return an experiment by name. Raises InputError, with the nearest name, for an unknown one."""
        from geomem.errors import unknown_name

        for experiment in self.experiments:
            if experiment.name == name:
                return experiment
        raise unknown_name(f"experiment of {self.name}", name, [experiment.name for experiment in self.experiments])

    def chosen(self, names: Sequence[str]) -> list[Experiment]:
        """Return the experiments to run: those named, all of them for "all", the headline set for none."""
        if not names:
            return [experiment for experiment in self.experiments if experiment.headline]
        if "all" in names:
            return list(self.experiments)
        return [self.experiment(name) for name in dict.fromkeys(names)]
