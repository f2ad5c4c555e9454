"""Where shared trainings are kept: one folder for one spec under one version of geomem and torch, beside the runs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from geomem.runs.environment import versions
from geomem.training.spec import TrainSpec


def cache_path(out: Path, spec: TrainSpec) -> Path:
    """Return `out/cache/NAME-HASH` for a training.

    The hash is of all settings, of what is in the files that they name, and of the versions of geomem and torch:
    whatever changes the trained model changes the folder.
    """
    settings = spec.model_dump(mode="json")
    known = versions()
    content = {
        "spec": settings,
        "files": {text: _digest(Path(text)) for text in sorted(set(_texts(settings))) if _is_file(text)},
        "versions": {name: known.get(name, "") for name in ("geomem", "torch")},
    }
    digest = hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=6).hexdigest()
    return out / "cache" / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', spec.name)}-{digest}"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "blake2b").hexdigest()
