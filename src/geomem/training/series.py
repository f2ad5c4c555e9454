"""The checkpoints that a training leaves on its way: at which steps, and in which folders."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from geomem.errors import InputError

_LOG = re.compile(r"log:([1-9][0-9]*)")


def kept_steps(keep_at: Sequence[int] | str, steps: int) -> tuple[int, ...]:
    """Return the steps at which a training of `steps` steps leaves a checkpoint, ascending.

    keep_at: the steps themselves (0 is before the first, `steps` after the last), or "log:N" (see `log_spaced`).
    Raises InputError for any other word and for steps that are not there.
    """
    if isinstance(keep_at, str):
        found = _LOG.fullmatch(keep_at)
        if found is None:
            raise InputError(f"keep_at: expected a list of steps or 'log:N', for example log:12, got '{keep_at}'")
        return log_spaced(int(found[1]), steps)
    outside = [step for step in keep_at if not 0 <= step <= steps]
    if outside:
        raise InputError(f"keep_at: step {outside[0]} is outside 0..{steps}")
    return tuple(sorted(set(keep_at)))


def log_spaced(count: int, steps: int) -> tuple[int, ...]:
    """Return step 0 and about `count` steps from 1 to `steps`, each a constant factor after the one before.

    Where that would fall between two whole numbers it is rounded, and steps that become equal are taken once.
    """
    factors = [index / max(1, count - 1) for index in range(count)] if count > 1 else [1.0]
    return tuple(sorted({0, *(round(steps**factor) for factor in factors)}))


def checkpoint_folder(run: Path, step: int) -> Path:
    """Return where a run keeps the checkpoint of a step: `checkpoints/step-000120`."""
    return run / "checkpoints" / f"step-{step:06d}"


def series(run: Path) -> list[tuple[int, Path]]:
    """Return the kept checkpoints of a run, (step, folder) in the order of training."""
    folders = [path for path in (run / "checkpoints").glob("step-*") if path.name[5:].isdigit()]
    return sorted((int(path.name[5:]), path) for path in folders)
