"""Supports for the tests of the solvers, and what every answer must obey whatever its gap."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from geomem.seeding import torch_generator
from geomem.solvers.ntp_svm import NTPSVM


def subsets(tokens: int, size: int) -> Tensor:
    """All supports of `size` tokens, one a context: (V, C(V, size)) bool."""
    chosen = torch.tensor(list(itertools.combinations(range(tokens), size)))
    return torch.zeros(tokens, len(chosen), dtype=torch.bool).scatter(0, chosen.T, True)


def random_support(tokens: int, contexts: int, largest: int = 4, seed: int = 0) -> Tensor:
    """Supports of 1 to `largest` tokens, all sets of a size equally likely."""
    generator = torch_generator(seed, "supports")
    sizes = torch.randint(1, largest + 1, (contexts,), generator=generator)
    order = torch.rand(tokens, contexts, generator=generator).argsort(0).argsort(0)
    return order < sizes


def assert_holds(found: NTPSVM, support: Tensor, counts: Tensor | None = None) -> None:
    """Check every promise of an answer from its tensors alone: feasible, certified, values right, bound below value."""
    scale = torch.ones(support.shape[1]).double() if counts is None else counts.double().sqrt()
    logits, certificate = found.logits, found.certificate
    highest_off = logits.masked_fill(support, -torch.inf).amax(0)
    lowest_in, highest_in = (
        logits.masked_fill(~support, torch.inf).amin(0),
        logits.masked_fill(~support, -torch.inf).amax(0),
    )
    assert float((lowest_in - highest_off).min()) >= 1 - 1e-12
    assert float((highest_in - lowest_in).max()) <= 1e-12
    assert float(torch.linalg.matrix_norm(certificate, 2)) <= 1 + 1e-10
    assert float(certificate.sum(0).abs().max()) <= 1e-10
    assert float(certificate.masked_fill(support, -1.0).max()) <= 0
    bound = -float((certificate * scale).masked_fill(support, 0.0).sum())
    value = float(torch.linalg.matrix_norm(logits * scale, "nuc"))
    torch.testing.assert_close(found.lower_bound, bound, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(found.nuclear_norm, value, rtol=1e-10, atol=1e-12)
    assert bound <= value * (1 + 1e-10)
