"""Random supports: the NTP-SVM solution beside the centred support, and a model trained along the ridge path."""

from __future__ import annotations

import torch
from torch import Tensor

from geomem.geometry.next_token import direction_cosine, nuclear_norm
from geomem.runs.directory import Run
from geomem.runs.tables import Measurement
from geomem.seeding import torch_generator
from geomem.solvers.ntp_svm import solve_ntp_svm
from geomem.solvers.ridge_path import ridge_path
from geomem.spec import validate
from geomem.studies.implicit_geometry_ntp import problems
from geomem.studies.implicit_geometry_ntp.problems import Problem
from geomem.studies.implicit_geometry_ntp.readings import Direction, path_rows, picture_arrays
from geomem.studies.implicit_geometry_ntp.settings import RandomSupports, Settings
from geomem.training.progress import Event, Listener
from geomem.training.work import Extra, Work


def run(work: Work, _run: Run, listener: Listener) -> Extra:
    """Compare solution and stand-in on every size, then train one instance and compare it with both."""
    settings = validate(Settings, work.settings["settings"]).random_supports
    generator = torch_generator(work.seed, "supports")
    rows: list[Measurement] = []
    for place, (vocabulary, contexts) in enumerate(settings.sizes):
        support = problems.random_supports(vocabulary, contexts, settings.largest, generator)
        found = compare(support, settings.gap)
        rows += [Measurement(metric=f"instance/{name}", layer=place, value=value) for name, value in found.items()]
        listener(Event(work.name, place + 1, len(settings.sizes) + 1))
    trained = _train(settings, work.seed)
    return Extra({**_worst(rows), **trained.numbers}, rows=[*rows, *trained.rows], arrays=trained.arrays)


def compare(support: Tensor, gap: float) -> dict[str, float]:
    """Solve one instance and return how the centred support compares.

    ratio: its nuclear norm over the certified lower bound of the optimum, at least 1 by construction of a bound.
    cosine: with the solution. violation: how far its own would-be certificate U V^T is from being one; 0 or less means
    that it is optimal. gap: relative, of the solution.
    """
    found = solve_ntp_svm(support, gap=gap)
    proxy = Problem(problems.even(support), problems.even_shares(support.shape[1])).proxy
    left, values, right = torch.linalg.svd(proxy, full_matrices=False)
    rank = int((values > 1e-9 * values[0]).sum())
    certificate = left[:, :rank] @ right[:rank]
    return {
        "vocabulary": float(support.shape[0]),
        "contexts": float(support.shape[1]),
        "nuclear_norm": found.nuclear_norm,
        "ratio": nuclear_norm(proxy) / found.lower_bound,
        "cosine": direction_cosine(Direction.of(found.logits).logits, proxy),
        "violation": float(certificate[~support].max()),
        "gap": found.gap,
    }


def _worst(rows: list[Measurement]) -> dict[str, float]:
    def all_of(name: str) -> list[float]:
        return [row.value for row in rows if row.metric == f"instance/{name}"]

    ratios = all_of("ratio")
    return {"worst/ratio_largest": max(ratios), "worst/ratio_least": min(ratios), "worst/cosine": min(all_of("cosine")),
            "worst/gap": max(all_of("gap"))}  # fmt: skip


def _train(settings: RandomSupports, seed: int) -> Extra:
    """Walk the ridge path of an instance with uneven frequencies and shares."""
    generator = torch_generator(seed, "trained")
    support = problems.random_supports(settings.vocabulary, settings.contexts, settings.largest, generator)
    problem = Problem(problems.uneven(support, generator), problems.uneven_shares(settings.contexts, generator))
    solved = solve_ntp_svm(problem.support, gap=settings.gap)
    target = Direction.of(solved.logits)
    points = ridge_path(problem.probs, problem.shares, settings.width, [10.0**-k for k in settings.decades], seed)
    last = points[-1]
    return Extra(
        {"target/nuclear_norm": solved.nuclear_norm, "target/gap": solved.gap, "problem/entropy": problem.entropy},
        rows=path_rows(points, problem, target),
        arrays=picture_arrays(last.words, last.contexts, problem, target),
    )
