"""Text files of any size, read in chunks, with one clear line for each way in which that can fail."""

from __future__ import annotations

import codecs
import gzip
import lzma
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, cast

from geomem.errors import InputError, nearest
from geomem.fetch.resolve import exists, resolve_text

CHUNK = 1 << 20
"""Bytes read at once."""

SHIPPED = {"novels": "novels.txt.xz"}
"""Texts that come with the package, see data/README.md."""

_DATA = Path(__file__).with_name("data")


def book() -> Path:
    """Return the text that comes with the package: two novels of Jane Austen, 1.35 million characters."""
    return _DATA / SHIPPED["novels"]


def find_text(name: str | Path) -> Path:
    """Return the file of a text: shipped ("novels"), a path, or the name of a fetched text.

    A file whose path is a shipped name is reached as `./novels`.
    Raises InputError, with the nearest name, when there is nothing of the kind or it is not fetched yet.
    """
    if str(name) in SHIPPED:
        return _DATA / SHIPPED[str(name)]
    path = Path(name)
    if not exists(path):
        beside = path.parent.glob(f"*{path.suffix}") if path.suffix and exists(path.parent) else ()
        known = [*SHIPPED, *map(str, beside)]
        if guess := nearest(str(name), known):
            raise InputError(f"{name}: no such text; did you mean '{guess}'?")
    return resolve_text(str(name))


def read_text(path: Path) -> Iterator[str]:
    """Yield a UTF-8 text file in chunks of about a megabyte; gzip and xz are unpacked on the way.

    Raises InputError when the file is missing, a folder, unreadable, empty, damaged, binary (a NUL byte) or not UTF-8;
    it names the byte at fault, counted in the unpacked text.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset, empty = 0, True
    for data in _read(path):
        if b"\0" in data:
            place = offset + data.index(b"\0")
            raise InputError(f"{path}: a binary file, not text (byte {place} is NUL); save it as UTF-8")
        text = _decode(decoder, data, path, offset, final=False)
        text = text.removeprefix("\ufeff") if offset == 0 else text
        offset += len(data)
        empty = empty and not text.strip()
        if text:
            yield text
    _decode(decoder, b"", path, offset, final=True)
    if empty:
        raise InputError(f"{path}: the text is empty")


def span(chunks: Iterable[str], start: int, stop: int | None) -> Iterator[str]:
    """Yield the characters from `start` up to `stop` of a text (to its end for None)."""
    place = 0
    for chunk in chunks:
        if stop is not None and place >= stop:
            return
        part = chunk[max(0, start - place) : None if stop is None else stop - place]
        place += len(chunk)
        if part:
            yield part


def _decode(decoder: codecs.IncrementalDecoder, data: bytes, path: Path, offset: int, *, final: bool) -> str:
    """Decode a chunk that begins at byte `offset`; a character cut by its end waits for the next one."""
    waiting = len(decoder.getstate()[0])
    try:
        return decoder.decode(data, final)
    except UnicodeDecodeError as error:
        place = offset - waiting + error.start
        raise InputError(f"{path}: not UTF-8 text (byte {place} is 0x{error.object[error.start]:02x}); "
                         "save it as UTF-8") from None  # fmt: skip


def _read(path: Path) -> Iterator[bytes]:
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder; name a text file in it")
        with _open(path) as file:
            while data := file.read(CHUNK):
                yield data
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except PermissionError:
        raise InputError(f"{path}: no permission to read it") from None
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error) as error:
        raise InputError(f"{path}: the compressed file is damaged ({error})") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None


def _open(path: Path) -> IO[bytes]:
    """Open a file by what it is, whatever its name says."""
    with path.open("rb") as file:
        head = file.read(6)
    if head.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.open(path))
    return cast("IO[bytes]", lzma.open(path)) if head == b"\xfd7zXZ\0" else path.open("rb")
