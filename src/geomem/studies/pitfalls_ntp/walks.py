"""Answers to stars as examples to step through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomem.runs.examples import ELSEWHERE, Example
from geomem.tasks.vocabulary import PromptVocabulary

Arrays = Mapping[str, NDArray[Any]]


def walks(kept: Arrays, names: int, count: int) -> list[Example]:
    """Return the first `count` answers that a cell kept (see `after.keep_answers`), for stars of `names` names."""
    words = PromptVocabulary(names)
    rows = zip(kept["prompts"], kept["arms"], kept["places"], kept["free"], strict=True)
    return [_walk(words, number, *row) for number, row in zip(range(1, count + 1), rows, strict=False)]


def _walk(words: PromptVocabulary, number: int, prompt: Any, arms: Any, places: Any, free: Any) -> Example:
    star: list[list[int]] = [arms[arm].tolist() for arm in np.argsort(places)]
    true: list[int] = arms[0].tolist()
    answer: list[int] = free.tolist()
    tokens = [true[0], *(node for arm in star for node in arm[1:])]
    node = {token: place for place, token in enumerate(tokens)}
    wrong = next((place for place, (said, right) in enumerate(zip(answer, true, strict=True)) if said != right), None)
    return Example(
        title=f"Prompt {number}",
        verdict=verdict(answer, true, star),
        right=wrong is None,
        prompt=tuple(words.names(prompt.tolist())),
        answer=tuple(words.names(answer)),
        expected=tuple(words.names(true)),
        wrong=wrong,
        labels=tuple(words.names(tokens)),
        positions=_positions(len(star), len(true)),
        edges=tuple((node[a], node[b]) for arm in star for a, b in pairwise(arm)),
        true_path=tuple(node[token] for token in true),
        path=tuple(node.get(token, ELSEWHERE) for token in answer),
        marked=(node[true[0]], node[true[-1]]),
    )


def verdict(answer: Sequence[int], true: Sequence[int], arms: Sequence[Sequence[int]]) -> str:
    """Say in words what an answer is."""
    if list(answer) == list(true):
        return "right"
    if any(list(answer) == list(arm) for arm in arms):
        return "another arm to its end"
    if answer[-1] == true[-1] and any(list(answer[:-1]) == list(arm[:-1]) for arm in arms):
        return "another arm, then the goal"
    return "no arm"


def _positions(arms: int, length: int) -> tuple[tuple[float, float], ...]:
    """Return places of the root and then of each arm's nodes: arms are rows from the top, in the prompt's order."""
    rows = [(arms - 1) / 2 - arm for arm in range(arms)]
    return ((0.0, 0.0), *((float(hop), row) for row in rows for hop in range(1, length)))
