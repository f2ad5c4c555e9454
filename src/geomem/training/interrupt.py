"""Ctrl-C between two steps instead of in the middle of one, so that what is saved is a state the run really had."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


def end_quietly_on_interrupt() -> None:
    """Make Ctrl-C end this worker process at once, without a traceback, unless a `GracefulInterrupt` is active."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        os._exit(130)

    signal.signal(signal.SIGINT, leave)


class GracefulInterrupt:
    """While active, the first Ctrl-C only sets `asked`; a second one interrupts at once, as usual."""

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
