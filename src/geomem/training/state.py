"""The resumable state of a training run: one file, replaced in one step, opened without unpickling code."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from geomem.errors import RunError
from geomem.runs.atomic import write_atomic_with
from geomem.runs.tables import History


@dataclass
class TrainState:
    """Everything the next step depends on.

    step: number of optimiser steps done. stage: index of the current stage. met: evaluations in a row that met the
    stop criterion. seconds: time spent so far, over all attempts.
    """

    step: int = 0
    stage: int = 0
    met: int = 0
    seconds: float = 0.0
    history: History = field(default_factory=History)
    model: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    optimizer: dict[str, Any] = field(default_factory=dict[str, Any])
    objective: dict[str, Tensor] = field(default_factory=dict[str, Tensor])

    def save(self, path: Path) -> None:
        """Write the state, the random generators included, in place of the last one.

        Raises RunError when the disk refuses; the last state is then untouched.
        """
        content = {
            "step": self.step,
            "stage": self.stage,
            "met": self.met,
            "seconds": self.seconds,
            "history": self.history.state(),
            "model": self.model,
            "optimizer": self.optimizer,
            "objective": self.objective,
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }

        def write(partial: Path) -> None:
            # Through a file of Python's: torch's own says nothing of why a disk refuses.
            with partial.open("wb") as file:
                torch.save(content, file)

        write_atomic_with(path, write)

    @classmethod
    def load(cls, path: Path) -> TrainState:
        """Read a state and restore the random generators. Raises RunError when the file is damaged."""
        try:
            content = torch.load(path, weights_only=True, map_location="cpu")
            torch.set_rng_state(content["random"])
            if torch.cuda.is_available() and content["random_cuda"]:
                torch.cuda.set_rng_state_all(content["random_cuda"])
            return cls(content["step"], content["stage"], content["met"], content["seconds"],
                       History.from_state(content["history"]), content["model"], content["optimizer"],
                       content.get("objective", {}))  # fmt: skip
        except FileNotFoundError:
            raise RunError(f"{path}: no saved state to resume from") from None
        except Exception as error:
            first = str(error).strip().split("\n")[0][:120]
            raise RunError(f"{path}: the saved state cannot be read ({type(error).__name__}: {first})") from None
