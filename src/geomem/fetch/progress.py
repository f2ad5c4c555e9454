"""What a fetch says of itself while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Stage:
    """What is being done for an item; `done` and `total` are bytes where they are known, else 0.

    waiting: another process is fetching the same item.
    """

    name: str
    stage: Literal["waiting", "downloading", "unpacking", "converting", "checking", "done"]
    done: int = 0
    total: int = 0


Listener = Callable[[Stage], None]


def silent(_stage: Stage) -> None:
    """Ignore what is said."""
