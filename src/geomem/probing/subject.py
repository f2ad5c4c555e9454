"""A model ready to be probed: opened, checked, placed on its device, with its tokenizer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from geomem.errors import InputError
from geomem.hardware import Choice, DeviceName, DtypeName, choose_device, choose_dtype
from geomem.probing.family import Shape

if TYPE_CHECKING:
    from transformers import PreTrainedModel

DEFAULT_CONTEXT = 512


@dataclass
class Subject:
    """One model of a probe.

    name: short and unique among the models of a probe. step: training step, for a series. tokenizer: None where the
    model's ids are given directly. notes: what a reader should know of it (four-bit weights, missing parts).
    """

    name: str
    path: Path | None
    model: PreTrainedModel
    adapter: Any
    tokenizer: Any
    step: int | None = None
    choices: dict[str, Choice] = field(default_factory=dict[str, Choice])
    notes: tuple[str, ...] = ()

    @cached_property
    def shape(self) -> Shape:
        """What the families need to know, from a trial on eight tokens: not every architecture shows its blocks."""
        import torch

        adapter = self.adapter
        with adapter.record(streams=True, parts=False) as record:
            adapter.run(torch.arange(8)[None])
        blocks = bool(adapter.blocks)
        return Shape(
            layers=len(record.streams) - 1,
            width=int(record.streams[-1].shape[-1]),
            vocabulary=int(adapter.embedding.shape[0]),
            heads=int(getattr(adapter.config, "num_attention_heads", 1) or 1),
            attention=blocks and adapter.attention(0) is not None,
            mlp=blocks and adapter.mlp(0) is not None,
            maps=bool(adapter.gives_maps),
            causal=bool(adapter.causal),
            head=adapter.unembedding is not None,
            blocks=blocks,
            mlp_input=adapter.mlp_input,
        )

    def context(self, wanted: int | None) -> int:
        """Return the tokens of a window. Raises InputError for more than the model allows."""
        limit = self.adapter.context
        if wanted is None:
            return DEFAULT_CONTEXT if limit is None else min(DEFAULT_CONTEXT, int(limit))
        if limit is not None and wanted > limit:
            raise InputError(f"--context {wanted}: {self.name} takes windows of at most {limit} tokens")
        return wanted


def open_subject(
    name: str, place: str, device: DeviceName, dtype: DtypeName, tokenizer: str | None, step: int | None = None
) -> Subject:
    """Open a checkpoint (folder, run, cache entry, or fetched name) and its tokenizer, and check both.

    Raises InputError, one line, for whatever is wrong with it; see `models.hub` and `models.tokenizers`.
    """
    import torch

    from geomem.models.adapters import adapt
    from geomem.models.hub import open_checkpoint
    from geomem.models.places import find_checkpoint
    from geomem.models.tokenizers import check_vocabulary, open_tokenizer
    from geomem.models.weights import check_finite

    folder = find_checkpoint(place)
    where = choose_device(device)
    precision = choose_dtype(dtype, where.value)
    model = open_checkpoint(folder, getattr(torch, precision.value))
    check_finite(model)
    words = open_tokenizer(Path(tokenizer) if tokenizer is not None else folder)
    check_vocabulary(words, model)
    model = cast(Any, model).to(where.value).eval()
    adapter = adapt(model)
    notes = (*source_notes(folder), *adapter.missing)
    return Subject(name, folder, model, adapter, words, step, {"device": where, "dtype": precision}, notes)


def source_notes(folder: Path) -> tuple[str, ...]:
    """Return what `geomem fetch` has noted beside a converted checkpoint, such as that its weights had four bits."""
    from geomem.fetch import read_source

    source = read_source(folder) if folder.is_dir() else None
    return () if source is None or not source.weights else (source.weights,)


def short_names(places: Sequence[str]) -> list[str]:
    """Return a short name for every model, unique: the last part of its path that tells it from the others."""
    parts = [[part for part in Path(place).parts if part not in ("/", "checkpoint")] or [place] for place in places]
    depth = 1
    while depth < max(len(one) for one in parts):
        if len({tuple(one[-depth:]) for one in parts}) == len(parts):
            break
        depth += 1
    names = ["/".join(one[-depth:]) for one in parts]
    seen: dict[str, int] = {}
    unique: list[str] = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique


def step_of(place: str) -> int | None:
    """Return the training step that the last part of a path names: the last number in 'step-001000', 'step1000'."""
    numbers = re.findall(r"\d+", Path(place).name)
    return int(numbers[-1]) if numbers else None


def find_series(pattern: str) -> list[tuple[int, str]]:
    """Return (step, folder) of the checkpoints that match a pattern such as 'runs/a/checkpoints/step-*', by step.

    Raises InputError when nothing matches, a folder's name holds no step, or two name the same.
    """
    import glob

    found = sorted(path for path in glob.glob(pattern) if Path(path).is_dir())
    if not found:
        raise InputError(f"--series {pattern}: no folder matches; quote the pattern so that the shell leaves it alone")
    steps: list[tuple[int, str]] = []
    for path in found:
        step = step_of(path)
        if step is None:
            raise InputError(f"--series: {path} names no step; expected a number at its end, as in step-1000")
        steps.append((step, path))
    steps.sort()
    for (one, first), (two, second) in pairwise(steps):
        if one == two:
            raise InputError(f"--series: {first} and {second} both name step {one}")
    return steps
