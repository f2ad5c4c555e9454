"""The decoder alone, over fixed context vectors (arXiv 2402.18551): a Frobenius-norm margin problem and log-odds."""

from __future__ import annotations

import torch
from torch import Tensor

from geomem.geometry.next_token import direction_cosine, entropy_gap
from geomem.runs.directory import Run
from geomem.runs.tables import Measurement
from geomem.seeding import torch_generator
from geomem.solvers.frobenius_svm import solve_frobenius_svm
from geomem.solvers.gradient_descent import Snapshot, descend_decoder, descend_decoder_normalised, log_steps
from geomem.solvers.log_odds import log_odds_solution
from geomem.spec import validate
from geomem.studies.implicit_geometry_ntp import problems
from geomem.studies.implicit_geometry_ntp.problems import Problem
from geomem.studies.implicit_geometry_ntp.settings import FixedEmbeddings, Settings
from geomem.training.progress import Event, Listener
from geomem.training.work import Extra, Work

MARKS = 41
STEP = 10_000
"""The step at which the direction is judged (card T10)."""


def run(work: Work, _run: Run, listener: Listener) -> Extra:
    """Descend with plain and with normalised steps from zero, over context vectors drawn N(0, 1)."""
    settings = validate(Settings, work.settings["settings"]).fixed_embeddings
    problem, contexts = make_problem(settings, work.seed)
    solved = solve_frobenius_svm(problem.support, contexts)
    odds = log_odds_solution(problem.probs, contexts)
    basis = finite_basis(problem.support, contexts)
    start = torch.zeros(len(problem.probs), settings.width, dtype=torch.float64)
    marks = [*log_steps(settings.steps, MARKS), *(10**power for power in range(2, 7) if 10**power <= settings.steps)]
    plain = descend_decoder(start, contexts, problem.probs, problem.shares, settings.lr, settings.steps, marks)
    listener(Event(work.name, 1, 2))
    few = settings.normalised_steps
    short = descend_decoder_normalised(start, contexts, problem.probs, problem.shares, settings.lr, few,
                                       log_steps(few, MARKS))  # fmt: skip
    rows = [
        Measurement(metric=f"{name}/{key}", step=one.step, value=value)
        for name, course in (("descent", plain), ("normalised", short))
        for one in course
        for key, value in compare(one, problem, basis, solved.words, odds.words).items()
    ]
    numbers = {"target/norm": float(solved.words.norm()), "target/gap": solved.gap,
               "target/log_odds_residual": odds.residual, "problem/entropy": problem.entropy}  # fmt: skip
    return Extra(numbers, rows=rows)


def make_problem(settings: FixedEmbeddings, seed: int) -> tuple[Problem, Tensor]:
    """Return supports of one size with uneven frequencies, and context vectors H (d, m) of full rank."""
    generator = torch_generator(seed, "problem")
    support = problems.random_supports(
        settings.vocabulary, settings.contexts, settings.subset, generator, least=settings.subset
    )
    problem = Problem(problems.uneven(support, generator), problems.even_shares(settings.contexts))
    return problem, torch.randn(settings.width, settings.contexts, generator=generator, dtype=torch.float64)


def finite_basis(support: Tensor, contexts: Tensor) -> Tensor:
    """Return an orthonormal basis (V d, r) of F = span{(e_z - e_z') h_j^T : z, z' in S_j}, decoders flattened."""
    columns: list[Tensor] = []
    for place, vector in enumerate(contexts.T):
        first, *others = support[:, place].nonzero().flatten().tolist()
        for other in others:
            decoder = torch.zeros(len(support), len(contexts), dtype=torch.float64)
            decoder[first], decoder[other] = vector, -vector
            columns.append(decoder.flatten())
    left, values, _ = torch.linalg.svd(torch.stack(columns, 1), full_matrices=False)
    return left[:, values > 1e-10 * values[0]]


def compare(one: Snapshot, problem: Problem, basis: Tensor, margin: Tensor, odds: Tensor) -> dict[str, float]:
    """Return the cosines of W and of W - P_F W with W_mm, |P_F W - W*| and the entropy gap."""
    finite = (basis @ (basis.T @ one.words.flatten())).view_as(one.words)
    return {
        "cosine_weights": direction_cosine(one.words, margin),
        "cosine_directional": direction_cosine(one.words - finite, margin),
        "finite_error": float((finite - odds).norm()),
        "gap": float(entropy_gap(one.words @ one.contexts, problem.probs, problem.shares)),
    }
