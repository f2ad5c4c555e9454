"""Unconstrained features: the level of centred logits over gradient descent, along a ridge path, and without zeros."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.geometry.next_token import entropy_gap
from geomem.geometry.partial_correlation import partial
from geomem.geometry.spilled_energy import log_partition
from geomem.models.unconstrained import UnconstrainedFeatures
from geomem.probing.rows import Rows
from geomem.seeding import torch_generator
from geomem.solvers.gradient_descent import descent, log_steps
from geomem.solvers.ridge_path import walk_ridge_path
from geomem.spec import validate
from geomem.studies.joint_vs_conditional.levels import covariates, level_against
from geomem.studies.joint_vs_conditional.settings import Features
from geomem.training.progress import Event
from geomem.training.work import Extra

if TYPE_CHECKING:
    from geomem.runs.directory import Run
    from geomem.training.progress import Listener
    from geomem.training.work import Work

DESCENT, OFF_CENTRE, DENSE, RIDGE = "descent", "off-centre", "dense", "ridge"
"""The runs: gradient descent, the same from a start far from the centred gauge, without zeros, and the ridge path."""


def run_features(work: Work, _run: Run, listener: Listener) -> Extra:
    """Follow every run and keep, for each measured step or ridge, gap, correlation and slope."""
    own = validate(Features, work.settings["features"])
    rows, arrays = Rows("", seed=work.seed), dict[str, Tensor]()
    shares = log_uniform_shares(own, work.seed)
    sparse, dense = sparse_problem(own, work.seed), dense_problem(own, work.seed)
    order = shares.argsort()
    arrays["log_prior"] = shares[order].log()
    plan = ((DESCENT, sparse, own.std, own.steps), (OFF_CENTRE, sparse, own.off_centre, own.steps),
            (DENSE, dense, own.std, own.dense_steps))  # fmt: skip
    total = sum(steps for *_, steps in plan) + 1
    before = 0
    for name, probs, std, steps in plan:
        model = UnconstrainedFeatures.from_seed(own.vocabulary, own.contexts, own.width, std, work.seed)
        logits = torch.empty(0)
        for shot in descent(model, probs, shares, own.lr, steps, record_at=log_steps(steps, own.records)):
            listener(Event(work.name, before + shot.step, total))
            logits = shot.words @ shot.contexts
            rows.step = shot.step
            measure(rows, name, logits, probs, shares)
        before += steps
        arrays[f"{name}/levels"] = log_partition(logits.T, gauge="centred")[order]
    rows.step = None
    for point in walk_ridge_path(sparse, shares, own.width, own.ridges, work.seed):
        measure(rows, ridge_name(point.ridge), point.logits, sparse, shares)
        rows.add(f"{ridge_name(point.ridge)}/certificate", point.certificate)
        arrays[f"{RIDGE}/levels"] = log_partition(point.logits.T, gauge="centred")[order]
    return Extra(rows=rows.rows, arrays=arrays)


def ridge_name(ridge: float) -> str:
    """Return the name under which the numbers of a ridge are kept."""
    return f"{RIDGE}-{ridge:.0e}"


def measure(rows: Rows, name: str, logits: Tensor, probs: Tensor, shares: Tensor) -> None:
    """Add the numbers of logits (V, m) under a name; columns are contexts."""
    given, prior = covariates(probs.T), shares.log()
    found = level_against(logits.T, prior, given)
    raw = level_against(logits.T, prior, given, gauge="raw")
    plain = level_against(logits.T, prior, given[:, :0])
    rows.add(f"{name}/gap", float(entropy_gap(logits, probs, shares)))
    for kind, one in (("", found), ("raw_", raw), ("plain_", plain)):
        rows.add(f"{name}/{kind}correlation", one.correlation.value,
                 interval=(one.correlation.low, one.correlation.high))  # fmt: skip
        rows.add(f"{name}/{kind}slope", one.slope.value, interval=(one.slope.low, one.slope.high))
    outside = (probs == 0).double()
    if bool(outside.any()):
        unseen = -(logits.log_softmax(0) * outside).sum(0) / outside.sum(0)
        rows.add(f"{name}/unseen_slope", partial(prior, unseen, given).slope.value)


def log_uniform_shares(own: Features, seed: int) -> Tensor:
    """Return (m,) shares whose logarithm is uniform over the decades."""
    drawn = torch.rand(own.contexts, generator=torch_generator(seed, "shares"), dtype=torch.float64)
    shares = 10 ** (-own.decades * drawn)
    return shares / shares.sum()


def sparse_problem(own: Features, seed: int) -> Tensor:
    """Return P (V, m) with `support` tokens a context: uniform weights of at least a tenth of the largest possible."""
    generator = torch_generator(seed, "sparse")
    order = torch.rand(own.vocabulary, own.contexts, generator=generator).argsort(0)
    weights = 0.1 + 0.9 * torch.rand(own.support, own.contexts, generator=generator, dtype=torch.float64)
    probs = torch.zeros(own.vocabulary, own.contexts, dtype=torch.float64)
    return probs.scatter_(0, order[: own.support], weights / weights.sum(0))


def dense_problem(own: Features, seed: int) -> Tensor:
    """Return P (V, m) with every entry at least `least`: flat Dirichlet draws, mixed with the uniform distribution."""
    generator = torch_generator(seed, "dense")
    drawn = torch.empty(own.vocabulary, own.contexts, dtype=torch.float64).exponential_(generator=generator)
    return own.least + (1 - own.least * own.vocabulary) * drawn / drawn.sum(0)
