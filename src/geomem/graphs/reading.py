"""Files read whole, with one clear line for each way in which that can fail."""

from __future__ import annotations

from pathlib import Path

from geomem.errors import InputError, nearest


def read_bytes(path: Path) -> bytes:
    """Return what a file holds. Raises InputError when it is missing, not a plain file, or may not be read."""
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder; name a file in it")
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: is not a plain file")
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file{_hint(path)}") from None
    except PermissionError:
        raise InputError(f"{path}: no permission to read it") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"{path}: cannot be read ({reason})") from None


def decode(data: bytes, where: str) -> str:
    """Return UTF-8 text without its byte-order mark. Raises InputError naming the first bad byte and its place."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # With a byte-order mark the codec counts from after it.
        offset = error.start + (len(data) - len(error.object))
        line = data.count(b"\n", 0, offset) + 1
        raise InputError(
            f"{where}: not UTF-8 (byte 0x{data[offset]:02x} at offset {offset}, line {line}); save it as UTF-8"
        ) from None


def _hint(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"; there is no folder {folder}"
    try:
        guess = nearest(path.name, [entry.name for entry in folder.iterdir() if entry.is_file()])
    except OSError:
        return ""
    return f"; did you mean '{guess}'?" if guess else ""
