"""Write files and folders whole or not at all, and turn a full or forbidden disk into one clear line."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from geomem.errors import RunError


class Remedy(NamedTuple):
    """What a user can do when a disk refuses: make room and go on, or write elsewhere."""

    go_on: str
    elsewhere: str


OF_A_RUN = Remedy("go on with --resume", "choose another place with --out")

_REASONS = {
    errno.ENOSPC: "the disk is full; free some space and {go_on}",
    errno.EDQUOT: "the disk quota is used up; free some space and {go_on}",
    errno.EACCES: "no permission to write there; {elsewhere}",
    errno.EPERM: "no permission to write there; {elsewhere}",
    errno.EROFS: "the file system is read-only; {elsewhere}",
    errno.ENOENT: "there is no such place and it cannot be made; {elsewhere}",
    errno.ENAMETOOLONG: "the name is too long; {elsewhere}",
    errno.ENOTDIR: "a part of the path is a file, not a folder; {elsewhere}",
}


@contextmanager
def clear_disk_errors(path: Path, remedy: Remedy = OF_A_RUN) -> Generator[None]:
    """Turn the operating system's refusals while writing `path` into a RunError that says what to do."""
    try:
        yield
    except Exception as error:
        reason = _REASONS.get(_error_number(error))
        if reason is None:
            raise
        shown = path if len(str(path)) < 200 else f"{str(path)[:200]}…"
        raise RunError(f"cannot write {shown}: {reason.format(**remedy._asdict())}") from error


def _error_number(error: BaseException | None) -> int:
    """Return the operating system's number for what happened: torch hides it in the context, safetensors in words."""
    if error is None:
        return 0
    if isinstance(error, OSError) and error.errno:
        return error.errno
    said = re.search(r"\(os error (\d+)\)", str(error))
    return int(said[1]) if said else _error_number(error.__cause__ or error.__context__)


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write a file so that readers see the old content or the new, never a part.

    Raises RunError when the disk is full, read-only or forbidden; the old file is then untouched.
    """
    data = content.encode() if isinstance(content, str) else content
    write_atomic_with(path, lambda partial: partial.write_bytes(data))


def write_atomic_with(path: Path, writer: Callable[[Path], object]) -> None:
    """Let `writer` fill a temporary file beside `path`, then put it in place in one step."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with clear_disk_errors(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            writer(partial)
            _sync(partial)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


def write_folder_atomic(path: Path, writer: Callable[[Path], object], remedy: Remedy = OF_A_RUN) -> None:
    """Let `writer` fill a temporary folder beside `path`, then put it in place of the old one.

    A kill between the two renames leaves the old folder as `.NAME.old`, which `recover_folder` puts back.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    old = path.with_name(f".{path.name}.old")
    with clear_disk_errors(path, remedy):
        try:
            partial.mkdir(parents=True)
            writer(partial)
            for file in partial.rglob("*"):
                _sync(file)
            shutil.rmtree(old, ignore_errors=True)
            if path.exists():
                os.replace(path, old)
            os.replace(partial, path)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def recover_folder(path: Path) -> None:
    """Put back what a kill in the middle of `write_folder_atomic` moved aside, and drop partial files."""
    old = path.with_name(f".{path.name}.old")
    if old.exists() and not path.exists():
        os.replace(old, path)
    shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    if not path.is_file():
        return
    with path.open("rb") as file:
        os.fsync(file.fileno())
