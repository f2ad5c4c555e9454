"""Ctrl-C between two steps instead of in the middle of one, so that what is saved is a state the run really had.

And Ctrl-C of a pool of worker processes, each of which saves what it has.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor
from types import FrameType, TracebackType
from typing import Any, Self


def end_quietly_on_interrupt() -> None:
    """Make Ctrl-C end this worker process at once, without a traceback, unless a `GracefulInterrupt` is active."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        os._exit(130)

    signal.signal(signal.SIGINT, leave)


@contextlib.contextmanager
def worker_pool(count: int) -> Generator[tuple[ProcessPoolExecutor, queue.Queue[Any]]]:
    """Yield a pool of fresh processes, and a queue by which they can tell this one how far they are.

    Ctrl-C ends the workers, too: a terminal sends it to them, but a signal sent to this process alone does not reach
    them. What had not begun is given up, and KeyboardInterrupt goes on.
    """
    context = multiprocessing.get_context("spawn")
    with (
        context.Manager() as manager,
        ProcessPoolExecutor(count, mp_context=context, initializer=end_quietly_on_interrupt) as pool,
    ):
        try:
            yield pool, manager.Queue()
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                if child.pid is not None:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(child.pid, signal.SIGINT)
            raise


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
