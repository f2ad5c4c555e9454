"""The objectives of a run's stages, built once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from torch import Tensor

from geomem.batch import Alphabet
from geomem.objectives.objective import Objective, Remembering
from geomem.training.spec import TrainSpec


class StagedObjectives:
    """The objective of every stage; stages that name none share the run's own, with what it remembers.

    extra_tokens: how many tokens the model needs behind the task's. Objectives that bring tokens bring the same ones:
    the first that one of them brings has the id of the first that another brings.
    """

    def __init__(self, spec: TrainSpec, alphabet: Alphabet) -> None:
        self._stages = spec.stages
        self._shared: Objective = cast(Any, spec.objective).build(alphabet)
        self._own: dict[int, Objective] = {
            number: cast(Any, stage.objective).build(alphabet)
            for number, stage in enumerate(spec.stages)
            if stage.objective is not None
        }
        used = [self.of(number) for number in range(len(spec.stages))] or [self._shared]
        self.extra_tokens = max(objective.extra_tokens for objective in used)

    def of(self, stage: int) -> Objective:
        """Return the objective of a stage, counted from 0."""
        return self._own.get(stage, self._shared)

    def uses(self, default_mix: Mapping[str, float]) -> list[tuple[Objective, list[str]]]:
        """Return every objective with the streams it is trained on, each once."""
        found: list[tuple[Objective, list[str]]] = []
        for number, stage in enumerate(self._stages):
            objective = self.of(number)
            names = [name for name, share in (stage.mix or default_mix).items() if share > 0]
            known = next((streams for one, streams in found if one is objective), None)
            if known is None:
                found.append((objective, names))
            else:
                known += [name for name in names if name not in known]
        return found

    def state_dict(self) -> dict[str, Tensor]:
        """Return what objectives remember, those of stages under `stages.<number>.`."""
        found = self._shared.state_dict() if isinstance(self._shared, Remembering) else {}
        for number, objective in self._own.items():
            if isinstance(objective, Remembering):
                found = found | {f"{_prefix(number)}{name}": value for name, value in objective.state_dict().items()}
        return found

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from a state."""
        if isinstance(self._shared, Remembering):
            self._shared.load_state_dict({k: v for k, v in state.items() if not k.startswith("stages.")})
        for number, objective in self._own.items():
            if isinstance(objective, Remembering):
                prefix = _prefix(number)
                own = {name.removeprefix(prefix): v for name, v in state.items() if name.startswith(prefix)}
                objective.load_state_dict(own)


def _prefix(stage: int) -> str:
    return f"stages.{stage}."
