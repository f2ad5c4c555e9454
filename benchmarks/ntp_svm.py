"""NTP-SVM: geomem's splitting against CVXPY with SCS and Clarabel, and alone at sizes where CVXPY cannot start.

Random supports have one to four allowed tokens of equally likely sets; those of a text are its next-token sets after
every two words of the two novels that come with geomem, rarer words taken as one, equal sets taken together.
A peer runs at a tolerance of its own (SCS 1e-6, Clarabel its default); `error` is how far its value lies from geomem's
certified one, and `violation` by how much its logits break a margin, which geomem's never do.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from benchmarks.conic import Conic, nuclear
from benchmarks.timing import Row, in_child, seconds, threads
from geomem.contexts.supports import SupportPatterns, support_patterns
from geomem.contexts.texts import TextSettings, text_contexts
from geomem.seeding import numpy_generator
from geomem.solvers.ntp_svm import solve_ntp_svm

FIELDS = ("support", "tokens", "contexts", "gap_wanted", "gap", "iterations", "ours_s", "peer", "peer_s", "ratio",
          "error", "violation", "peak_mib")  # fmt: skip
LARGEST = 4
"""Allowed tokens of a random support."""


def run(quick: bool) -> Iterator[Row]:
    """Compare where a conic solver can run, and time alone, in a process of its own, where it cannot."""
    if quick:
        yield _compare(5, 12, "CLARABEL", 1e-6)
        yield _compare(5, 12, "SCS", 1e-6)
        yield _alone("text", 20, 1e-3)
        return
    yield _compare(20, 100, "CLARABEL", 1e-7)
    for contexts in (400, 800):
        yield _compare(100, contexts, "SCS", 1e-6)
    yield _alone("random", 400, 1e-6)
    yield _alone("text", 300, 1e-6)
    yield _alone("text", 2000, 1e-4)


def random_support(tokens: int, contexts: int, seed: int = 0) -> np.ndarray:
    """Return (V, m) bool, each column with 1 to LARGEST tokens."""
    generator = numpy_generator(seed, "supports")
    sizes = generator.integers(1, LARGEST + 1, contexts)
    return generator.random((tokens, contexts)).argsort(0).argsort(0) < sizes


def text_support(tokens: int, length: int = 2) -> SupportPatterns:
    """Return the distinct supports after `length` words of the novels, over the `tokens` most frequent words."""
    return support_patterns(text_contexts("novels", TextSettings(context=length, vocabulary=tokens)).matrix.compact())


def _compare(tokens: int, contexts: int, solver: str, gap: float) -> Row:
    support = random_support(tokens, contexts)
    options = {"eps_abs": 1e-6, "eps_rel": 1e-6, "max_iters": 200_000} if solver == "SCS" else {}
    theirs: list[Conic] = []
    with threads(1):
        solve_ntp_svm(torch.eye(4), gap=gap)  # imports and first allocations are nobody's work
        nuclear(np.eye(4), None, solver, **options)
        ours = solve_ntp_svm(torch.from_numpy(support), gap=gap)
        taken = sorted(seconds(lambda: solve_ntp_svm(torch.from_numpy(support), gap=gap)) for _ in range(5))[2]
        slow = seconds(lambda: theirs.append(nuclear(support, None, solver, **options)))
    return {
        **_row(f"random, 1 to {LARGEST}", support, gap),
        "gap": ours.gap, "iterations": ours.iterations, "ours_s": taken,
        "peer": f"CVXPY, {solver}", "peer_s": slow, "ratio": slow / taken,
        "error": abs(theirs[0].value / ours.nuclear_norm - 1), "violation": _violation(theirs[0].table, support),
    }  # fmt: skip


def _row(name: str, support: np.ndarray | torch.Tensor, gap: float) -> Row:
    return {**dict.fromkeys(FIELDS), "support": name, "tokens": len(support), "contexts": support.shape[1],
            "gap_wanted": gap}  # fmt: skip


def _violation(table: np.ndarray, support: np.ndarray) -> float:
    lowest = np.where(support, table, np.inf).min(0)
    return float(max(0.0, (1 - lowest + np.where(support, -np.inf, table).max(0)).max()))


def _alone(kind: str, tokens: int, gap: float) -> Row:
    row = in_child("benchmarks.ntp_svm:large", kind=kind, tokens=tokens, gap=gap)
    return {name: row.get(name) for name in FIELDS}


def large(kind: str, tokens: int, gap: float) -> Row:
    """Solve one size on one thread (called in a process of its own)."""
    if kind == "text":
        patterns = text_support(tokens)
        support, multiplicity = patterns.dense(), patterns.multiplicity
    else:
        support, multiplicity = torch.from_numpy(random_support(tokens, 4 * tokens)), None
    answers = []
    with threads(1):
        taken = seconds(lambda: answers.append(solve_ntp_svm(support, multiplicity, gap)))
    name = "text, after two words" if kind == "text" else f"random, 1 to {LARGEST}"
    return {**_row(name, support, gap), "gap": answers[0].gap, "iterations": answers[0].iterations, "ours_s": taken}
