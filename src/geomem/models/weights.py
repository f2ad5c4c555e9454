"""The weight files of a checkpoint folder, and the numbers in them, looked at before anything is measured."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geomem.errors import InputError
from geomem.hardware import free_memory

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def weight_files(folder: Path) -> list[Path]:
    """Return the safetensors files of a checkpoint, one or its shards.

    Raises InputError when there are none (saying so when there is a pickle, which can run code on loading), when the
    index cannot be read or names anything but safetensors files of this folder, and when a shard is not there.
    """
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    index = folder / INDEX
    if not index.is_file():
        raise _no_weights(folder)
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{index}: cannot be read as an index of safetensors files: {error!r}") from None
    for name in names:
        if not isinstance(name, str) or not name.endswith(".safetensors") or Path(name).name != name:
            raise InputError(f"{index}: names {name!r}; only safetensors files beside it are opened")
        if not (folder / name).is_file():
            raise InputError(f"{folder}: lacks {name}, one of the {len(names)} files that its index names")
    return [folder / name for name in names]


def check_memory(folder: Path, dtype: torch.dtype) -> None:
    """Raise InputError when the weights would take more memory in `dtype` than is free.

    Without it the system may kill the process in the middle. Says nothing where the system does not tell what is free.
    """
    free = free_memory()
    needed = dtype.itemsize * sum(map(_count, weight_files(folder)))
    if free is not None and needed > free:
        name = str(dtype).removeprefix("torch.")
        raise InputError(f"{folder}: out of memory: {needed / 1e9:.1f} GB in {name}, and {free / 1e9:.1f} GB are free")


def check_finite(model: PreTrainedModel) -> None:
    """Raise InputError naming the first weight tensor with NaN or infinite entries, and how many it and others have."""
    # The sum of finite numbers can overflow only in half precision; then the entries are counted to be sure.
    suspects = [(name, weight) for name, weight in model.named_parameters() if not weight.detach().sum().isfinite()]
    counts = {name: int((~weight.detach().isfinite()).sum()) for name, weight in suspects}
    bad = {name: count for name, count in counts.items() if count}
    if bad:
        name, count = next(iter(bad.items()))
        size = math.prod(model.get_parameter(name).shape)
        more = f"; so have {len(bad) - 1} other tensor(s)" if len(bad) > 1 else ""
        raise InputError(f"weights: '{name}' has {count} NaN or infinite entries of {size}{more}; nothing was measured")


def _no_weights(folder: Path) -> InputError:
    pickles = sorted(found.name for pattern in PICKLES for found in folder.glob(pattern))
    if pickles:
        return InputError(
            f"{folder / pickles[0]}: is a pickle, which can run code when opened; convert it to safetensors first"
        )
    return InputError(f"{folder}: has a config.json but no model.safetensors")


def _count(file: Path) -> int:
    """Count the numbers in a safetensors file by its header. Raises InputError for a damaged one."""
    try:
        with file.open("rb") as stream:
            header: dict[str, Any] = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
        return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, MemoryError) as error:
        raise InputError(f"{file}: cannot be opened: damaged, or not safetensors ({type(error).__name__})") from None
