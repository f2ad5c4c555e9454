"""Where a checkpoint is: a folder, a run, a GGUF file, an entry of the Hugging Face cache, or an id found there."""

from __future__ import annotations

import re
from pathlib import Path

from geomem.errors import InputError
from geomem.fetch import resolve_model

CONFIG = "config.json"
HUB_ID = re.compile(r"(?:\w[\w.-]*/)?\w[\w.-]*")
"""What the name of a model on the hub looks like."""


def find_checkpoint(path: str | Path) -> Path:
    """Return the folder that holds `config.json`, or the GGUF file, that `path` means.

    path: such a folder or file; a run directory (its `checkpoint/`, else the last of its `checkpoints/step-N/`); an
    entry `models--org--name` of the Hugging Face cache (the snapshot that refs/main names); a hub id that is in that
    cache; or the name of a fetched model. What exists as a path wins. Nothing is downloaded. Raises InputError when
    there is no such place, or nothing to open in it.
    """
    place = Path(path)
    if not place.exists():
        place = _cached(str(path))
    if place.is_file():
        if place.suffix == ".gguf":
            return place
        raise InputError(f"{place}: is a file; give the folder that holds config.json and model.safetensors")
    for folder in _candidates(place):
        files = _gguf_files(folder)
        if (folder / CONFIG).is_file() and not (files and _without_safetensors(folder)):
            return folder
        if len(files) == 1:
            return files[0]
        if files:
            names = ", ".join(file.name for file in files)
            raise InputError(f"{folder}: holds {len(files)} GGUF files; give the path of one: {names}")
    raise InputError(f"{place}: no config.json here or in {place / 'checkpoint'}; not a checkpoint or a run directory")


def cache_folder(model: str) -> Path:
    """Return the folder that the Hugging Face cache has, or would have, for a hub id."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{model.replace('/', '--')}"


def _cached(name: str) -> Path:
    """Return the folder of a model by its name, in the Hugging Face cache or among the fetched ones."""
    fits = HUB_ID.fullmatch(name) is not None
    folder = cache_folder(name) if fits else None
    if folder is not None and folder.is_dir():
        return folder
    if folder is not None and "/" in name:
        raise InputError(
            f"{name}: no such file or folder, and the Hugging Face cache ({folder.parent}) has no model of this name; "
            "with network, --download gets it"
        )
    if not fits:
        raise InputError(f"{name}: no such file or folder")
    return resolve_model(name)


def _candidates(place: Path) -> list[Path]:
    if (place / "snapshots").is_dir():
        return [_snapshot(place)]
    steps = [folder for folder in (place / "checkpoints").glob("step-*") if folder.name[5:].isdecimal()]
    return [place, place / "checkpoint", *sorted(steps, key=lambda folder: int(folder.name[5:]), reverse=True)[:1]]


def _snapshot(entry: Path) -> Path:
    """Return the snapshot of a cache entry that refs/main names, or its only one. Raises InputError if unclear."""
    reference = entry / "refs" / "main"
    if reference.is_file():
        snapshot = entry / "snapshots" / reference.read_text(encoding="utf-8").strip()
        if not snapshot.is_dir():
            raise InputError(f"{reference}: names snapshot {snapshot.name}, which is not in the cache")
        return snapshot
    found = sorted(folder for folder in (entry / "snapshots").iterdir() if folder.is_dir())
    if len(found) != 1:
        raise InputError(f"{entry}: no refs/main and {len(found)} snapshots; give the path of one")
    return found[0]


def _gguf_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.gguf"))


def _without_safetensors(folder: Path) -> bool:
    return not any(folder.glob("*.safetensors"))
