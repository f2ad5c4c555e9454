"""The one error a user is meant to see: what is wrong, where, and what would be right, in one line.

The command line prints it and exits with 2. Everything else is a programming error and keeps its traceback.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Generator, Iterable


class InputError(ValueError):
    """Bad input from a user (a name, a value, a file). The message is one clear line."""


class RunError(InputError):
    """A run that cannot start, go on or be read (directory, disk, permissions, divergence)."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name nearest to `name`, or None when nothing is near."""
    candidates = list(known)
    lowered = {candidate.lower(): candidate for candidate in candidates}
    found = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.5)
    return lowered[found[0]] if found else None


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Build the error for a name nobody registered, with the nearest valid one or the whole list."""
    candidates = sorted(known)
    guess = nearest(name, candidates)
    hint = f"did you mean '{guess}'?" if guess else f"choose from: {', '.join(candidates)}"
    return InputError(f"unknown {kind} '{name}'; {hint}")


_OUT_OF_MEMORY = (
    "out of memory", "can't allocate memory", "not enough memory", "unable to allocate", "storage size calculation",
    "maximum allowed dimension", "array is too big", "too large to convert",
)  # fmt: skip
"""What torch and numpy say, in lower case, when an array does not fit, or is larger than any could be."""


def out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory did not suffice."""
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in _OUT_OF_MEMORY)


@contextlib.contextmanager
def clear_size_errors() -> Generator[None]:
    """Turn an array that does not fit into memory into one line."""
    try:
        yield
    except (MemoryError, RuntimeError, ValueError, OverflowError) as error:
        if isinstance(error, InputError) or not out_of_memory(error):
            raise
        raise InputError(
            f"out of memory ({' '.join(str(error).split())[:120]}); smaller sizes of task, model or batch need less"
        ) from None
