"""The families that change the running model: skip plan, skip effects, erasure, tokenwise decomposition.

Each runs the model many times, so each looks at some windows only, spread over those of the pass.
"""

from __future__ import annotations

import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.updates import adjacent_cosines
from geomem.probing.decomposition import decompose_updates, split_windows
from geomem.probing.erasure import measure_erasure
from geomem.probing.extra import Extra, Task, Tell
from geomem.probing.rerun import Progress
from geomem.probing.rows import Rows
from geomem.probing.skip_plan import check_plans
from geomem.probing.skips import measure_skips

PLAN_WINDOWS, PLAN_LENGTH, PLAN_SETS = 8, 128, 4
PLAN_BUDGETS = (2, 4)
"""Blocks left out, the two smallest budgets of the paper; half of these in networks of fewer than 16 blocks."""
SKIP_WINDOWS, SKIP_LENGTH = 10, 64
SHORTEST = 13
"""Tokens of a window that leave room for a cut: eight before it and more than four behind."""
ERASURE_WINDOWS, ERASURE_LENGTH = 10, 64
BANK_TOKENS, EVAL_TOKENS = 8192, 1024


class Plan(Extra):
    """A static skip plan and its price: blocks that leave the stream as it was are left out, and the model is run so.

    (arXiv 2603.07475.) Beside it the same number of neighbouring blocks, and random sets: whether the choice matters.
    """

    name = "plan"
    needs = ("blocks", "causal", "head")

    def measure(self, task: Task, rows: Rows, tell: Tell) -> None:
        """Plan by the similarity that the pass measured and run the plan on eight windows."""
        tokens = some_windows(task, PLAN_WINDOWS, PLAN_LENGTH)
        depth = task.subject.shape.layers
        similarity = _similarity(task, rows, tokens)
        budgets = PLAN_BUDGETS if depth >= 16 else tuple(max(1, budget // 2) for budget in PLAN_BUDGETS)
        rows.take(
            check_plans(
                task.subject.adapter,
                tokens,
                similarity,
                budgets=budgets,
                sets=PLAN_SETS,
                seed=task.spec.seed,
                batch_tokens=task.spec.batch_tokens,
                progress=progress_of(tell, "plan"),
            )
        )


class Skips(Extra):
    """What skipping each block does to later blocks, to later tokens, to the output and to the loss.

    (arXiv 2505.13898, Section 2.) Position 0 is left intact. Means over tokens beside the paper's largest values.
    """

    name = "skips"
    needs = ("blocks", "head")

    def measure(self, task: Task, rows: Rows, tell: Tell) -> None:
        """Skip every block on ten windows; windows too short for a cut are said and leave it out."""
        tokens = some_windows(task, SKIP_WINDOWS, SKIP_LENGTH)
        if tokens.shape[1] < SHORTEST:
            rows.lines.append(f"skips: windows of {tokens.shape[1]} tokens are too short, {SHORTEST} are needed")
            return
        rows.take(measure_skips(
            task.subject.adapter, tokens, layers=task.layers,
            seed=task.spec.seed, batch_tokens=task.spec.batch_tokens, progress=progress_of(tell, "skips"),
        ))  # fmt: skip


class Erasure(Extra):
    """What erasing one position of the stream (putting the layer's mean there) does to predictions after it.

    (arXiv 2505.13898, Section 2, residual erasure.)
    """

    name = "erasure"
    needs = ("blocks", "head")

    def measure(self, task: Task, rows: Rows, tell: Tell) -> None:
        """Erase at every layer on ten windows."""
        rows.take(measure_erasure(
            task.subject.adapter, some_windows(task, ERASURE_WINDOWS, ERASURE_LENGTH), streams=task.layers,
            seed=task.spec.seed, batch_tokens=task.spec.batch_tokens, progress=progress_of(tell, "erasure"),
        ))  # fmt: skip


class Decomposition(Extra):
    """How much of every block's update is a function of the token's own stream, and whether the rest matters.

    (arXiv 2604.02459.) Local affine maps from nearest neighbours in a bank of tokens of other windows; the functional
    test puts the tokenwise part in the place of the block. Null controls: rotated residuals, permuted bank, the
    untrained twin.
    """

    name = "decomposition"
    needs = ("blocks", "causal", "head")
    conditions = ("", "untrained")

    def measure(self, task: Task, rows: Rows, tell: Tell) -> None:
        """Fit on a bank of 8192 tokens and judge on 1024 others; too little text is said and leaves it out."""
        length = min(task.plan.context, PLAN_LENGTH)
        windows = some_windows(task, 2 + (BANK_TOKENS + EVAL_TOKENS) // (length - 1), length, pieces=True)
        try:
            bank, evaluation = split_windows(windows, bank=BANK_TOKENS, evaluation=EVAL_TOKENS, seed=task.spec.seed)
        except InputError as error:
            rows.lines.append(str(error))
            return
        rows.take(
            decompose_updates(
                task.subject.adapter,
                bank,
                evaluation,
                layers=task.layers,
                controls=not task.condition,
                seed=task.spec.seed,
                batch_tokens=task.spec.batch_tokens,
                progress=progress_of(tell, "decomposition"),
            )
        )


def some_windows(task: Task, count: int, length: int, *, pieces: bool = False) -> Tensor:
    """Return (W, T) token windows, at most `count` of at most `length` tokens, spread over those of the pass.

    pieces: cut the windows of the pass into as many shorter ones as they hold, instead of taking their beginnings.
    """
    plan = task.plan
    length = min(length, plan.context)
    each = plan.context // length if pieces else 1
    wanted = min(-(-count // each), len(plan.chosen))
    index = torch.arange(wanted) * len(plan.chosen) // max(1, wanted)
    found = plan.windows.batch(plan.chosen[index])[:, : each * length]
    return found.reshape(-1, length)[:count]


def _similarity(task: Task, rows: Rows, tokens: Tensor) -> Tensor:
    """Return S_l (L,) as the pass measured it, or from the given windows where it did not."""
    values = [rows.value("updates/stream_cosine", layer) for layer in range(task.subject.shape.layers)]
    if all(value == value for value in values):  # noqa: PLR0124
        return torch.tensor(values)
    with task.subject.adapter.record(streams=True, parts=False) as record:
        task.subject.adapter.run(tokens)
    # The first position is where a sink would be, and a sink inflates the cosine.
    return adjacent_cosines([stream[:, 1:] for stream in record.streams]).flatten(1).double().mean(1).cpu()


def progress_of(tell: Tell, name: str) -> Progress:
    """Return what a driver calls with (done, total), which tells it on under a name."""

    def progress(done: int, total: int) -> None:
        tell(name, done, total)

    return progress
