"""Generators whose logits are known to be of low rank, exactly or nearly, read by the code that reads models."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from geomem.geometry import logit_rank
from geomem.geometry.hidden_markov import HiddenMarkov
from geomem.geometry.isan import InputSwitchedAffine
from geomem.probing.lingen.follow import follow, sampling
from geomem.probing.lingen.lingen import LINGEN, SINGLE, LinGen
from geomem.probing.logits.source import Machine, MachineSource
from geomem.runs.directory import Run
from geomem.runs.tables import Measurement
from geomem.seeding import torch_generator
from geomem.spec import validate
from geomem.studies.logit_low_rank.settings import Exact
from geomem.training.progress import Listener
from geomem.training.work import Extra, Work

RANKS = (1, 2, 4, 8, 16, 32)
BOUND = "bound/ratio"
"""Largest D / (|L - A|^2 / (n F)) over truncations; 1/4 is the limit that holds for any matrices."""


def run_isan(work: Work, _run: Run, _listener: Listener) -> Extra:
    """Measure an input-switched affine network: rank, residual of targets, LinGen and its single-token variant."""
    settings = validate(Exact, work.settings["exact"])
    generator = torch_generator(work.seed, "isan")
    machine = InputSwitchedAffine.draw(settings.vocabulary, settings.width, generator)
    return measure(machine, settings, generator, work.seed)


def run_hmm(work: Work, _run: Run, _listener: Listener) -> Extra:
    """Measure a hidden Markov model: how soon truncations are near in KL."""
    settings = validate(Exact, work.settings["exact"])
    generator = torch_generator(work.seed, "hmm")
    machine = HiddenMarkov.draw(settings.width, settings.vocabulary, generator)
    return measure(machine, settings, generator, work.seed)


def measure(machine: Machine, settings: Exact, generator: Generator, seed: int) -> Extra:
    """Return the numbers of a machine on random histories and futures."""
    source = MachineSource(machine)
    shape = (settings.histories + settings.targets, settings.history_tokens)
    histories = torch.randint(settings.vocabulary, shape, generator=generator)
    futures = random_words(settings, generator)
    targets, histories = histories[: settings.targets], histories[settings.targets :]
    # Without a ridge: what is exact shall come out exact.
    lingen = LinGen.prepare(source, histories, futures, ridge=0.0)
    values = logit_rank.singular_values(lingen.matrix.values)
    rows = [Measurement(metric=f"kl/rank_{rank}", value=kl) for rank, kl in divergences(lingen.matrix.values).items()]
    numbers = {
        "rank/next": float(values[settings.width] / values[0]) if settings.width < len(values) else 0.0,
        "rank/last": float(values[min(settings.width, len(values)) - 1] / values[0]),
        "lingen/residual": max(lingen.weights(target).residual for target in targets),
        "kl/free": logit_rank.average_kl(lingen.matrix.values, logit_rank.history_independent(lingen.matrix.values)),
        BOUND: bound_ratio(lingen.matrix.values, RANKS),
        **imitations(lingen, targets, settings.steps, seed),
    }
    return Extra(numbers, {"singular_values": values}, rows)


def random_words(settings: Exact, generator: Generator) -> list[Tensor]:
    """Return futures of random tokens, 0 to `future_tokens` long, the empty one first."""
    lengths = torch.randint(settings.future_tokens + 1, (settings.futures,), generator=generator)
    lengths[0] = 0
    return [torch.randint(settings.vocabulary, (int(size),), generator=generator) for size in lengths]


def divergences(matrix: Tensor) -> dict[int, float]:
    """Return D of truncations of some ranks, by rank."""
    cut = logit_rank.Truncations(matrix)
    return {rank: cut.kl(rank) for rank in RANKS if rank <= cut.most}


def bound_ratio(matrix: Tensor, ranks: tuple[int, ...]) -> float:
    """Return the largest D / (|L - A|^2 / (n F)) over truncations to the ranks that leave something out."""
    cut = logit_rank.Truncations(matrix)
    limits = {rank: 4 * logit_rank.kl_bound(matrix, cut.at(rank)) for rank in ranks if rank < cut.most}
    # What is left of an exact fit is rounding, of which no ratio can be taken.
    return max((cut.kl(rank) / limit for rank, limit in limits.items() if limit > 1e-12), default=0.0)


def imitations(lingen: LinGen, targets: Tensor, steps: int, seed: int) -> dict[str, float]:
    """Return the mean cumulative KL of LinGen and its single-token variant over targets."""
    totals: dict[str, list[float]] = {LINGEN: [], SINGLE: []}
    for number, target in enumerate(targets):
        predictors = lingen.predictors(target)
        for name, found in totals.items():
            choose = sampling(torch_generator(seed, "choice", number))
            found.append(follow(predictors[name], lingen.model(target), steps, choose).total)
    return {f"lingen/{name}": sum(found) / len(found) for name, found in totals.items()}
