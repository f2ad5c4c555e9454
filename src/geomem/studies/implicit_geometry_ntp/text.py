"""A real text: the most frequent contexts, free features trained along the ridge path, beside the NTP-SVM solution."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from geomem.contexts.build import keep_contexts
from geomem.contexts.files import is_saved, open_contexts
from geomem.contexts.matrix import ContextMatrix
from geomem.contexts.texts import TextSettings, text_contexts
from geomem.errors import InputError
from geomem.geometry.next_token import direction_cosine, directional_part, nuclear_norm
from geomem.geometry.subspace_collapse import subspace_collapse, support_groups
from geomem.runs.directory import Run
from geomem.runs.tables import Measurement
from geomem.solvers.ntp_svm import solve_ntp_svm
from geomem.solvers.ridge_path import RidgePoint, walk_ridge_path
from geomem.spec import validate
from geomem.studies.implicit_geometry_ntp.collapse import DIRECTIONAL, EMBEDDINGS, FREQUENCIES
from geomem.studies.implicit_geometry_ntp.problems import Problem
from geomem.studies.implicit_geometry_ntp.readings import Direction, path_rows, picture_arrays
from geomem.studies.implicit_geometry_ntp.settings import Settings, Text
from geomem.texts.reading import find_text, read_text
from geomem.training.progress import Event, Listener
from geomem.training.work import Extra, Work

SHOWN = 60
"""Contexts in the pictures: a heat map of more has no room."""


def run(work: Work, _run: Run, listener: Listener) -> Extra:
    """Read the text or the saved matrix, solve for its direction, and walk the ridge path."""
    settings = validate(Settings, work.settings["settings"])
    own = settings.reading
    matrix = read_matrix(settings.text, own)
    problem = Problem(matrix.dense(), matrix.shares())
    steps = len(own.decades) + 1
    solved = solve_ntp_svm(problem.support, gap=own.gap)
    target = Direction.of(solved.logits)
    listener(Event(work.name, 1, steps))
    points: list[RidgePoint] = []
    # V - 1 dimensions are enough for every solution.
    width = min(problem.probs.shape[0] - 1, problem.probs.shape[1])
    path = walk_ridge_path(problem.probs, problem.shares, width, [10.0**-k for k in own.decades], work.seed,
                           max_iterations=own.max_iterations)  # fmt: skip
    for point in path:
        points.append(point)
        listener(Event(work.name, 1 + len(points), steps))
    last = points[-1]
    numbers = {
        **describe(matrix, problem), "target/nuclear_norm": solved.nuclear_norm, "target/gap": solved.gap,
        "target/lower_bound": solved.lower_bound, "proxy/ratio": nuclear_norm(problem.proxy) / solved.lower_bound,
        "proxy/cosine": direction_cosine(target.logits, problem.proxy),
    }  # fmt: skip
    rows = [*path_rows(points, problem, target), *_collapse_rows(points, problem)]
    arrays = picture_arrays(last.words, last.contexts, problem, target)
    return Extra(numbers, rows=rows, arrays=_shown(arrays, problem))


def check_text(text: str) -> None:
    """Raise InputError, before a run begins, where the text is not there, is empty or is none."""
    if not is_saved(Path(text)):
        # Reads to the first letter; a text without one raises at its end.
        any(chunk.strip() for chunk in read_text(find_text(text)))


def read_matrix(text: str, settings: Text) -> ContextMatrix:
    """Return the most frequent contexts of a text or of a saved context matrix, over its next-token types.

    Raises InputError when there is nothing of the kind, or every token follows every context that is kept: then no
    margin is asked for, and there is no direction to compare with.
    """
    if is_saved(Path(text)):
        found = keep_contexts(open_contexts(Path(text)).matrix, most=settings.contexts).matrix.compact()
    else:
        chosen = TextSettings(context=settings.length, tokenizer="bpe", vocabulary=settings.tokens,
                              max_tokens=settings.max_tokens)  # fmt: skip
        found = text_contexts(text, chosen, most=settings.contexts).matrix.compact()
    if bool((found.support_sizes == found.vocabulary).all()):
        raise InputError(f"{text}: every one of its {found.vocabulary} next-token type(s) follows each of the "
                         f"{len(found)} context(s) that are kept, so that there is no direction to find; "
                         "take a text with more variety, or keep more contexts")  # fmt: skip
    return found


def describe(matrix: ContextMatrix, problem: Problem) -> dict[str, float]:
    """Return the sizes of the problem: contexts m, next-token types V, samples n, entropy, support sizes."""
    sizes = problem.support.sum(0).double()
    return {
        "problem/contexts": float(len(matrix)),
        "problem/vocabulary": float(matrix.vocabulary),
        "problem/samples": matrix.samples,
        "problem/entropy": problem.entropy,
        "problem/support_mean": float(sizes.mean()),
        "problem/support_largest": float(sizes.max()),
        "problem/supports": float(support_groups(problem.support).max()) + 1,
    }


def _collapse_rows(points: list[RidgePoint], problem: Problem) -> list[Measurement]:
    """Return the collapse of contexts that share a support with another: NaN numbers where none does are left out."""
    groups = support_groups(problem.support)
    parts = [(None, FREQUENCIES, problem.probs)]
    for point in points:
        decade = round(-math.log10(point.ridge))
        parts += [(decade, EMBEDDINGS, point.contexts),
                  (decade, DIRECTIONAL, directional_part(point.logits, problem.support))]  # fmt: skip
    return [
        Measurement(metric=f"{part}/{name}", layer=decade, value=value)
        for decade, part, columns in parts
        for name, value in subspace_collapse(columns, groups).numbers().items()
        if not math.isnan(value)
    ]


def _shown(arrays: dict[str, torch.Tensor], problem: Problem) -> dict[str, torch.Tensor]:
    """Keep the most frequent contexts, sorted by support size, and all spectra: what fits in a picture."""
    columns = problem.shares.argsort(descending=True)[:SHOWN]
    columns = columns[problem.support[:, columns].sum(0).argsort(descending=True, stable=True)]
    rows = (problem.probs @ problem.shares).argsort(descending=True)
    kept: dict[str, torch.Tensor] = {}
    for name, array in arrays.items():
        if name.startswith("spectrum"):
            kept[name] = array
        elif name.startswith("contexts"):
            kept[name] = array[columns][:, columns]
        elif name.startswith("words"):
            kept[name] = array[rows][:, rows]
        else:
            kept[name] = array[rows][:, columns]
    return kept
