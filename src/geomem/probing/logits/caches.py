"""One history's cache as the start of many futures: copies of transformers' caches that can be written to apart."""

from __future__ import annotations

import copy
from typing import Any

import torch
from transformers.cache_utils import DynamicLayer


def branch(cache: Any, row: int, count: int) -> Any:
    """Return a cache of `count` sequences that all go on from sequence `row` of a cache; the old one is not changed."""
    made = copy.copy(cache)
    made.layers = [_branched(layer, row, count) for layer in cache.layers]
    return made


def copied(cache: Any, rows: int) -> Any:
    """Return a cache of the same `rows` sequences that can be read on by itself."""
    made = copy.copy(cache)
    made.layers = [_selected(layer, torch.arange(rows)) for layer in cache.layers]
    return made


def _branched(layer: Any, row: int, count: int) -> Any:
    if type(layer) is not DynamicLayer:
        return _selected(layer, torch.full((count,), row))
    made = _separate(layer)
    # These layers grow by concatenation, which copies anyway: what is handed over may be a view that repeats itself.
    for name in ("keys", "values"):
        held = getattr(layer, name)
        if held is not None:
            setattr(made, name, held[row : row + 1].expand(count, -1, -1, -1))
    return made


def _selected(layer: Any, rows: torch.Tensor) -> Any:
    made = _separate(layer)
    made.reorder_cache(rows)
    return made


def _separate(layer: Any) -> Any:
    """Return a layer whose attributes can be set apart: state-space layers keep theirs in dictionaries."""
    made = copy.copy(layer)
    for name, value in vars(made).items():
        if isinstance(value, dict):
            setattr(made, name, dict(value))
    return made
