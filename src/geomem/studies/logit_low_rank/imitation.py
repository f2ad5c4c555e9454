"""LinGen on targets of the text, with material of the text and with nonsense, beside the baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from geomem.probing.lingen.follow import Course, follow, sampling
from geomem.probing.lingen.lingen import LINGEN, SINGLE, LinGen
from geomem.probing.logits.language import LanguageModel
from geomem.probing.logits.source import LogitMatrix
from geomem.runs.tables import Measurement
from geomem.seeding import torch_generator
from geomem.studies.logit_low_rank.material import Material

NONSENSE_BOTH = "nonsense"
"""Condition of the rows where histories and futures are nonsense; targets never are."""

SHOWN = 4
"""Targets whose texts are kept."""


@dataclass(frozen=True)
class Imitation:
    """What `imitate` found. arrays: "steps/CONDITION/METHOD" (targets, steps). texts: for the table."""

    rows: list[Measurement]
    arrays: dict[str, Tensor]
    texts: list[dict[str, Any]]


def imitate(
    model: LanguageModel, matrix: LogitMatrix, read: Material, tell: Callable[[str], None] = lambda _what: None
) -> Imitation:
    """Let LinGen and its baselines write after every target, twice: from the text, and from nonsense.

    matrix: of the text's histories and futures. tell: called before each target with what is done.
    """
    mixed = read.mixed()
    reading, found = read.reading, read.found
    known = LinGen.prepare(model, found.histories, found.futures, matrix=matrix, ridge=reading.ridge,
                           unigram=read.unigram, start=read.start)  # fmt: skip
    odd = LinGen.prepare(model, mixed.histories, mixed.futures, tokens=reading.columns, ridge=reading.ridge,
                         start=read.start)  # fmt: skip
    rows: list[Measurement] = []
    arrays: dict[str, Tensor] = {}
    texts: list[dict[str, Any]] = []
    for condition, lingen in (("", known), (NONSENSE_BOTH, odd)):
        courses: dict[str, list[Course]] = {}
        residuals: list[float] = []
        for number, target in enumerate(read.found.targets):
            tell(f"LinGen {condition}".rstrip())
            residuals.append(lingen.weights(target).residual)
            predictors = dict(lingen.predictors(target))
            wanted = predictors if not condition else {name: predictors[name] for name in (LINGEN, SINGLE)}
            for name, predictor in wanted.items():
                choose = sampling(torch_generator(read.seed, "choice", number))
                courses.setdefault(name, []).append(
                    follow(predictor, lingen.model(target), read.reading.steps, choose)
                )  # fmt: skip
        for name, several in courses.items():
            steps = torch.stack([one.divergences for one in several])
            arrays[f"steps/{condition or 'text'}/{name}"] = steps
            rows += [
                Measurement(metric=f"lingen/{name}", condition=condition, value=float(steps.sum(1).mean())),
                Measurement(
                    metric=f"lingen/{name}_later", condition=condition, value=float(steps[:, 1:].sum(1).mean())
                ),
            ]
        rows.append(Measurement(metric="lingen/residual", condition=condition, value=sum(residuals) / len(residuals)))
        _keep_texts(texts, condition, courses, lingen, read)
    return Imitation(rows, arrays, texts)


def _keep_texts(
    texts: list[dict[str, Any]], condition: str, courses: Mapping[str, list[Course]], lingen: LinGen, read: Material
) -> None:
    for number, target in enumerate(read.found.targets[:SHOWN]):
        if not condition:
            own = follow(lingen.model(target), lingen.model(target), read.reading.steps,
                         sampling(torch_generator(read.seed, "choice", number)))  # fmt: skip
            texts.append({"target": _words(read, target[read.start :]), "model": _words(read, own.tokens)})
        for name, found in courses.items():
            place = f"{condition} {name}".strip()
            texts[number][place] = {"text": _words(read, found[number].tokens), "kl": found[number].total}


def _words(read: Material, tokens: Tensor) -> str:
    return str(read.tokenizer.decode(tokens.tolist())).replace("\n", "↵")
