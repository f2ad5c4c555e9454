"""What the cells do: the KL floor, negative sampling, three output layers, and a language model's log-probabilities."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.geometry.pmi import shifted_pmi
from geomem.geometry.softmax_rank import LogRank, log_rank
from geomem.models.mixture import MixtureOfContexts, MixtureOfSoftmaxes, Softmax
from geomem.seeding import numpy_generator, torch_generator
from geomem.solvers.fit_head import fit_head
from geomem.solvers.kl_floor import kl_floor
from geomem.solvers.sgns import ascend
from geomem.spec import validate
from geomem.studies.softmax_bottleneck.settings import Floor, Mixtures, Sampling
from geomem.training.progress import Event
from geomem.training.series import log_spaced
from geomem.training.work import Extra

if TYPE_CHECKING:
    from geomem.runs.directory import Run
    from geomem.training.progress import Listener
    from geomem.training.work import Work

HEADS = ("softmax", "contexts", "softmaxes")
"""The three output layers: one softmax, a mixture of contexts, a mixture of softmaxes."""


def run_floor(work: Work, _run: Run, listener: Listener) -> Extra:
    """Measure the ranks of known distributions, and the least KL at every dimension."""
    settings = validate(Floor, work.settings["floor"])
    numbers: dict[str, float] = {}
    total, done = sum(len(settings.widths(rank)) for rank in settings.ranks), 0
    for rank in settings.ranks:
        target = gaussian_target(settings.contexts, settings.vocabulary, rank, settings.scale, work.seed)
        found = log_rank(target.log())
        numbers |= {f"rank_{rank}/centred": float(found.rank), f"rank_{rank}/plain": float(found.plain_rank)}
        for width in settings.widths(rank):
            listener(Event(work.name, done, total))
            floor = kl_floor(
                target, width, starts=settings.starts, iterations=settings.iterations, seed=work.seed
            )  # fmt: skip
            numbers |= {f"rank_{rank}/kl_{width}": floor.kl, f"rank_{rank}/random_kl_{width}": floor.random_kl}
            done += 1
    return Extra(numbers)


def run_sampling(work: Work, _run: Run, listener: Listener) -> Extra:
    """Follow the expected objective of negative sampling at every dimension."""
    settings = validate(Sampling, work.settings["sampling"])
    size = settings.words * settings.contexts
    drawn = numpy_generator(work.seed, "joint").dirichlet([1.0] * size)
    joint = torch.from_numpy(drawn.reshape(settings.words, settings.contexts))
    goal = shifted_pmi(joint, settings.negatives)
    numbers = {"least_probability": float(joint.min())}
    arrays = {"goal": goal}
    for place, width in enumerate(settings.widths):
        listener(Event(work.name, place, len(settings.widths)))
        found = ascend(
            joint, width, negatives=settings.negatives, lr=settings.lr, steps=settings.steps, seed=work.seed,
            record_at=log_spaced(40, settings.steps),
        )  # fmt: skip
        numbers |= {f"width_{width}/error": found.errors[-1], f"width_{width}/truncated": _truncated(goal, width)}
        arrays |= {f"products_{width}": found.products(), f"errors_{width}": torch.tensor(found.errors)}
        arrays["steps"] = torch.tensor(found.steps)
    return Extra(numbers, arrays)


def run_mixtures(work: Work, _run: Run, listener: Listener) -> Extra:
    """Fit one softmax and both mixtures to one target, and measure the rank of what each says."""
    own = validate(Mixtures, work.settings["mixtures"])
    target = gaussian_target(own.contexts, own.vocabulary, own.rank, own.scale, work.seed)
    shape = (own.contexts, own.vocabulary, own.dimension)
    makers = {
        "softmax": lambda: Softmax(*shape, seed=work.seed),
        "contexts": lambda: MixtureOfContexts(*shape, components=own.components, seed=work.seed),
        "softmaxes": lambda: MixtureOfSoftmaxes(*shape, components=own.components, seed=work.seed),
    }
    numbers: dict[str, float] = {}
    arrays: dict[str, Tensor] = {"target/spectrum": log_rank(target.log()).singular_values}
    for place, (name, make) in enumerate(makers.items()):

        def tell(step: int, kl: float, place: int = place) -> None:
            listener(Event(work.name, place * own.steps + step, len(makers) * own.steps, loss=kl))

        head = make()
        numbers[f"{name}/kl"] = fit_head(head, target, lr=own.lr, steps=own.steps, progress=tell)
        with torch.no_grad():
            log_probs = head(torch.arange(own.contexts))
        found = log_rank(log_probs)
        numbers |= _ranks(name, found)
        numbers[f"{name}/sum_error"] = float((log_probs.exp().sum(1) - 1).abs().max())
        numbers[f"{name}/parameters"] = float(sum(parameter.numel() for parameter in head.parameters()))
        arrays[f"{name}/spectrum"] = found.singular_values
    return Extra(numbers, arrays)


def gaussian_target(contexts: int, vocabulary: int, rank: int, scale: float, seed: int) -> Tensor:
    """Return distributions (n, V) whose logits are scale * H W^T / sqrt(rank) with independent N(0, 1) entries."""
    generator = torch_generator(seed, "target", rank)
    left = torch.randn(contexts, rank, generator=generator, dtype=torch.float64)
    right = torch.randn(vocabulary, rank, generator=generator, dtype=torch.float64)
    return torch.softmax(scale * left @ right.T / math.sqrt(rank), dim=1)


def _ranks(name: str, found: LogRank) -> dict[str, float]:
    return {
        f"{name}/rank": float(found.rank),
        f"{name}/plain_rank": float(found.plain_rank),
        f"{name}/stable_rank": found.stable,
        f"{name}/effective_rank": found.effective,
    }


def _truncated(goal: Tensor, width: int) -> float:
    """Return the largest error of the best approximation of that rank in the Frobenius norm, for comparison."""
    left, values, right = torch.linalg.svd(goal, full_matrices=False)
    return float((left[:, :width] * values[:width] @ right[:width] - goal).abs().max())
