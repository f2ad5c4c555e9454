"""Sums told to a language model with right and wrong answers, as in the released notebook of arXiv 2602.18671."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import torch

from geomem.geometry.spilled_energy import POOLS, Pool, auroc
from geomem.models.tokenizers import open_tokenizer
from geomem.probing.rows import Rows
from geomem.probing.spilled_energy import Answer, score_answers
from geomem.seeding import numpy_generator
from geomem.spec import validate
from geomem.studies.checkpoints import open_adapter
from geomem.studies.joint_vs_conditional.settings import Arithmetic
from geomem.studies.language_model import subject
from geomem.training.progress import Event
from geomem.training.work import Extra

if TYPE_CHECKING:
    from geomem.runs.directory import Run
    from geomem.training.progress import Listener
    from geomem.training.work import Work

SCORES = ("spill_raw", "spill_centred", "marginal_raw", "marginal_centred", "surprise")


def run_arithmetic(work: Work, _run: Run, listener: Listener) -> Extra:
    """Score right and wrong answers, and keep the AUROC of each score, pool and range of errors."""
    own = validate(Arithmetic, work.settings["arithmetic"])
    folder = subject(work).folder
    adapter, tokenizer = open_adapter(folder, work), open_tokenizer(folder)
    sums = draw_sums(own, work.seed)
    told = [pair for answers in sums for pair in answers]

    def tell(done: int, total: int) -> None:
        listener(Event(work.name, done, total, unit="answers"))

    scored = score_answers(adapter, tokenizer, told, progress=tell)
    columns = [scored[place :: 1 + len(own.ranges)] for place in range(1 + len(own.ranges))]
    rows = Rows("", seed=work.seed)
    for (low, high), wrong in zip(own.ranges, columns[1:], strict=True):
        for name, how in product(SCORES, POOLS):
            values = [_pooled(answers, name, how) for answers in (columns[0], wrong)]
            rows.add(f"off_{low}_to_{high}/{name}/{how}", auroc(*values))
    rows.add("answer_tokens", float(np.mean([len(one.tokens) for one in columns[0]])))
    return Extra(rows=rows.rows)


def draw_sums(own: Arithmetic, seed: int) -> list[list[tuple[str, str]]]:
    """Return for each sum its prompt with the right answer, then with a wrong one of each range, off to either side."""
    generator = numpy_generator(seed, "sums")
    found: list[list[tuple[str, str]]] = []
    for _ in range(own.items):
        one, two = (_number(generator, own.digits) for _ in range(2))
        prompt, right = f"{one} + {two} = ", one + two
        answers = [right]
        for low, high in own.ranges:
            off = int(generator.integers(low, high + 1)) * int(generator.choice([-1, 1]))
            # No sum of positive numbers is negative: a minus sign would give the wrong answer away.
            answers.append(right + off if right + off > 0 else right - off)
        found.append([(prompt, str(answer)) for answer in answers])
    return found


def _number(generator: np.random.Generator, digits: tuple[int, int]) -> int:
    count = int(generator.integers(digits[0], digits[1] + 1))
    return int(generator.integers(10 ** (count - 1), 10**count))


def _pooled(answers: list[Answer], name: str, how: Pool) -> torch.Tensor:
    return torch.tensor([one.pooled(name, how) for one in answers], dtype=torch.float64)
