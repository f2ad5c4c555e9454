"""The language models that are compared: one, and others beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from geomem.models.hub import find_checkpoint
from geomem.studies.language_model import MODEL, SIBLING, lm_cells, shared_lm, subject
from geomem.studies.representation_comparison.settings import Settings
from geomem.studies.study import Cell, Shared

if TYPE_CHECKING:
    from pathlib import Path

    from geomem.training.work import Work

FUNCTION = "geomem.studies.representation_comparison.language:compare_models"
CONDITION, OTHER, UNTRAINED = "model", "other", "untrained"
"""OTHER: the small language model from another seed, or beside a user's model a second one."""


def model_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return a cell a seed: the small language model beside another seed and its sibling, or the user's beside another.

    Raises InputError when `model` or `other` is no checkpoint.
    """
    own: dict[str, Any] = {"words": settings.words.model_dump(mode="json")}
    if settings.model is not None and settings.other is not None:
        find_checkpoint(settings.other)
        own["other"] = settings.other
    cells = lm_cells(
        CONDITION, FUNCTION, seeds, settings.lm, model=settings.model, sibling=True, own=own,
        cost=20 if settings.model is None else 120,
    )  # fmt: skip
    if settings.model is not None:
        needs = {} if settings.other is not None else {OTHER: shared_lm(settings.lm, 0)}
        return [replace(cell, needs=needs) for cell in cells]
    return [replace(cell, needs={**cell.needs, OTHER: _other(settings, cell.seed, seeds)}) for cell in cells]


def folders(work: Work) -> Mapping[str, Path]:
    """Return the checkpoints of a work, by the names above; the model first."""
    found = {MODEL: subject(work).folder}
    if "other" in work.settings:
        found[OTHER] = find_checkpoint(str(work.settings["other"]))
    for name in (OTHER, SIBLING):
        if name in work.needs:
            found[name] = subject(work, name).folder
    return found


def _other(settings: Settings, seed: int, seeds: Sequence[int]) -> Shared:
    """Return the model of the next seed, after the last the first again, so that nothing more is trained for it."""
    place = list(seeds).index(seed)
    return shared_lm(settings.lm, seeds[(place + 1) % len(seeds)] if len(seeds) > 1 else seed + 1)
