"""The one error a user is meant to see: what is wrong, where, and what would be right, in one line.

The command line prints it and exits with 2. Everything else is a programming error and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


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
