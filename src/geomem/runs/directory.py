"""One run, one directory: made once, locked while somebody writes to it, readable at every moment."""

from __future__ import annotations

import fcntl
import json
import os
import re
import weakref
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from geomem.errors import RunError
from geomem.runs.atomic import clear_disk_errors, recover_folder, write_atomic
from geomem.runs.environment import command, environment, versions

FORMAT = 1
"""Version of the layout. A reader refuses what it does not know instead of guessing."""

RunKind = Literal["train", "study", "probe", "work"]
Status = Literal["running", "finished", "stopped early", "diverged", "interrupted"]


class RunInfo(BaseModel):
    """The header of a run (`run.json`): everything needed to repeat it, and how it went."""

    model_config = ConfigDict(extra="forbid")

    format: int = FORMAT
    kind: RunKind
    name: str
    spec: dict[str, Any]
    seeds: list[int]
    command: str
    versions: dict[str, str]
    environment: dict[str, str]
    choices: dict[str, str] = {}
    status: Status = "running"
    started: str
    finished: str | None = None
    seconds: float = 0.0
    message: str = ""
    title: str = ""
    finding: str = ""
    notes: list[str] = []
    remarks: list[str] = []


class Run:
    """A run directory that this process reads or writes."""

    def __init__(self, path: Path, info: RunInfo) -> None:
        self.path = path
        self.info = info
        self._lock: weakref.finalize[[int], Run] | None = None

    @classmethod
    def create(cls, parent: Path, name: str, kind: RunKind, spec: dict[str, Any],
               seeds: list[int], choices: dict[str, str] | None = None) -> Run:  # fmt: skip
        """Make a new directory `parent/NAME-DATE-TIME` that no other run has, and lock it.

        Raises RunError when the place cannot be written.
        """
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        slug = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "run"
        return cls._make(_fresh(parent, f"{slug}-{stamp}"), name, kind, spec, seeds, choices)

    @classmethod
    def create_at(cls, path: Path, name: str, kind: RunKind, spec: dict[str, Any],
                  seeds: list[int], choices: dict[str, str] | None = None) -> Run:  # fmt: skip
        """Make a run at exactly `path`. Raises RunError when something is there already."""
        with clear_disk_errors(path):
            try:
                path.mkdir(parents=True)
            except FileExistsError:
                raise RunError(f"{path} exists already; runs never share a directory, choose another --out") from None
        return cls._make(path, name, kind, spec, seeds, choices)

    @classmethod
    def _make(cls, path: Path, name: str, kind: RunKind, spec: dict[str, Any],
              seeds: list[int], choices: dict[str, str] | None) -> Run:  # fmt: skip
        info = RunInfo(kind=kind, name=name, spec=spec, seeds=seeds, command=command(), versions=versions(),
                       environment=environment(), choices=choices or {}, started=_now())  # fmt: skip
        run = cls(path, info)
        run.lock()
        run.save_info()
        return run

    @classmethod
    def open(cls, path: Path) -> Run:
        """Open an existing run for reading. Raises RunError, one line, when it is none or from another version."""
        file = path / "run.json"
        if not path.is_dir():
            raise RunError(f"no such run directory: {path}")
        if not file.is_file():
            raise RunError(f"{path} is not a run directory: it has no run.json")
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
        except (ValueError, OSError) as error:
            raise RunError(f"{file}: cannot be read as JSON ({error})") from None
        found = data.get("format") if isinstance(data, dict) else None
        if found != FORMAT:
            raise RunError(f"{path}: written in run format {found}, this geomem reads format {FORMAT}; "
                           f"open it with geomem {_written_by(data)}")  # fmt: skip
        try:
            info = RunInfo.model_validate(data)
        except ValidationError as error:
            first = error.errors()[0]
            raise RunError(f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        return cls(path, info)

    def lock(self) -> None:
        """Claim the directory for this process; the operating system frees it whatever ends the process.

        Raises RunError when another process is writing to it.
        """
        if self._lock is not None:
            return
        with clear_disk_errors(self.path):
            handle = os.open(self.path / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise RunError(f"{self.path} is in use by another process; wait for it or start a new run") from None
        self._lock = weakref.finalize(self, os.close, handle)
        recover_folder(self.checkpoint)

    def unlock(self) -> None:
        """Let go of the directory."""
        if self._lock is not None:
            self._lock()
            self._lock = None

    def save_info(self, **changes: Any) -> None:
        """Write the header, with `changes` to its fields."""
        self.info = self.info.model_copy(update=changes)
        write_atomic(self.path / "run.json", self.info.model_dump_json(indent=2) + "\n")

    def finish(self, status: Status, seconds: float, message: str = "") -> None:
        """Record how the run ended and let go of it."""
        self.save_info(status=status, finished=_now(), seconds=round(seconds, 3), message=message)
        self.unlock()

    @property
    def finished(self) -> bool:
        """True when the run ended by itself (finished, stopped early or diverged), so there is nothing to resume."""
        return self.info.status in ("finished", "stopped early", "diverged")

    @property
    def checkpoint(self) -> Path:
        """Folder of the Hugging Face checkpoint."""
        return self.path / "checkpoint"


def find_runs(directory: Path) -> list[Run]:
    """Return the readable runs directly inside `directory`, oldest first. Raises RunError when it does not exist."""
    if not directory.is_dir():
        raise RunError(f"no such directory: {directory}")
    found: list[Run] = []
    for file in sorted(directory.glob("*/run.json")):
        try:
            found.append(Run.open(file.parent))
        except RunError:
            continue
    return sorted(found, key=lambda run: run.info.started)


def _fresh(parent: Path, name: str) -> Path:
    """Make a directory that did not exist: mkdir is atomic, so two processes never get the same one."""
    for attempt in range(1000):
        path = parent / (name if attempt == 0 else f"{name}-{attempt + 1}")
        with clear_disk_errors(path):
            try:
                path.mkdir(parents=True)
            except FileExistsError:
                if path.parent.is_file():
                    raise RunError(f"cannot write {path}: {path.parent} is a file, not a folder") from None
                continue
            return path
    raise RunError(f"cannot make a new run directory in {parent}: a thousand of this name exist already")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _written_by(data: Any) -> str:
    known = data.get("versions", {}) if isinstance(data, dict) else {}
    return str(known.get("geomem", "of the version that wrote it"))
