"""The windows of a text that a work reads: spread evenly, the same for every seed, as long as the model allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from geomem.studies.language_model import text_task
from geomem.texts.windows import choose_windows

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.tasks.task import Split
    from geomem.training.work import Work


def text_windows(work: Work, adapter: Adapter, split: Split, count: int, context: int) -> Tensor:
    """Return at most `count` windows (W, T) of a split of the work's text, T = context or what the model allows.

    Raises InputError when the text is shorter than one window.
    """
    longest = context if adapter.context is None else min(context, adapter.context)
    windows = text_task(work, context=longest).windows[split]
    return windows.batch(choose_windows(len(windows), longest, count * longest, seed=0))
