"""The trainings: four variants of where pauses were seen, and runs by how many there were in fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geomem.spec import validate
from geomem.studies.pause_tokens.predicates import MECHANICS, VARIANTS, VARIED, counted
from geomem.studies.pause_tokens.settings import PRE_TRAINING, Settings
from geomem.studies.study import Cell
from geomem.training.spec import TrainSpec
from geomem.training.work import Work

HERE = "geomem.studies.pause_tokens"
PLAIN: dict[str, Any] = {"kind": "next-token"}


def mechanics(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return the exact checks, a cell a seed."""
    names = ("keys", "values", "pairs", "packed", "length", "pauses", "share")
    told = {name: getattr(settings, name) for name in names}
    return [Cell(MECHANICS, seed, Work(seed=seed, function=f"{HERE}.mechanics:check", settings=told), cost=3.0)
            for seed in seeds]  # fmt: skip


def variants(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return the variants with pauses in both stages, and in neither."""
    return _variants(settings, seeds, crossed=False)


def crossed(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return the variants with pauses in one of the stages alone."""
    return _variants(settings, seeds, crossed=True)


def counts(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return runs with pauses in both stages, by their number in fine-tuning: fixed, or drawn for every batch."""
    chosen = {counted(count): (count,) for count in settings.counts} | {VARIED: settings.varied}
    return [_cell(settings, name, seed, strewn=True, counts=own) for name, own in chosen.items() for seed in seeds]


def _variants(settings: Settings, seeds: Sequence[int], *, crossed: bool) -> list[Cell]:
    return [
        _cell(settings, name, seed, strewn=before, counts=(settings.pauses,) if after else ())
        for name, (before, after) in VARIANTS.items()
        for seed in seeds
        if (before != after) == crossed
    ]


def _cell(settings: Settings, condition: str, seed: int, *, strewn: bool, counts: tuple[int, ...]) -> Cell:
    before = {"kind": "pause", "mode": "random", "share": settings.share} if strewn else PLAIN
    after = {"kind": "pause", "count": counts} if counts else PLAIN
    spec = validate(TrainSpec, settings.train(seed, before, after))
    positions = settings.pre_steps * len(PRE_TRAINING) * settings.pre_batch * settings.length
    positions += settings.steps * settings.batch * (settings.prompt() + (max(counts) if counts else 0))
    return Cell(condition, seed, spec, after=f"{HERE}.after:ask", cost=2.0 + positions * settings.seconds)
