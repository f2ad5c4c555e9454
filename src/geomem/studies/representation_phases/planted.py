"""Spectra that are known, to see whether the code that reads a model's spectrum gives back what was put in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor

from geomem.geometry.moments import Moments
from geomem.geometry.power_law import alpha_req
from geomem.geometry.spectrum import decompose, rankme
from geomem.seeding import torch_generator
from geomem.spec import validate
from geomem.studies.representation_phases.settings import Planted
from geomem.training.work import Extra

if TYPE_CHECKING:
    from geomem.runs.directory import Run
    from geomem.training.progress import Listener
    from geomem.training.work import Work


def run_planted(work: Work, _run: Run, _listener: Listener) -> Extra:
    """Measure an isotropic Gaussian, exact power laws and a matrix of rank 1 as hidden states are measured."""
    planted = validate(Planted, work.settings["planted"])
    generator = torch_generator(work.seed, "planted")
    isotropic = torch.randn(planted.samples, planted.width, generator=generator, dtype=torch.float64)
    line = torch.outer(isotropic[:, 0], isotropic[0])
    numbers = {
        "isotropic/rankme": float(rankme(eigenvalues(isotropic))),
        "rank-1/rankme": float(rankme(eigenvalues(line))),
    }
    for width in planted.widths:
        for exponent in planted.exponents:
            found = alpha_req(eigenvalues(power_law(exponent, width, generator)))
            numbers[f"power-law/{exponent:g}/{width}"] = found.alpha
    errors = [abs(numbers[f"power-law/{exponent:g}/{width}"] - exponent)
              for width in planted.widths for exponent in planted.exponents]  # fmt: skip
    return Extra({**numbers, "power-law/error": max(errors)})


def eigenvalues(rows: Tensor) -> Tensor:
    """Return the eigenvalues of the covariance of rows (n, d), streamed as the study streams hidden states."""
    moments = Moments(rows.shape[1])
    for part in rows.split(512):
        moments.update(part)
    return decompose(moments).eigenvalues


def power_law(exponent: float, width: int, generator: Generator) -> Tensor:
    """Return rows (4 width, width) whose covariance has the eigenvalues i^-exponent exactly, in random directions."""
    count = 4 * width
    drawn = torch.randn(count, width, generator=generator, dtype=torch.float64)
    left = torch.linalg.qr(drawn - drawn.mean(0)).Q  # orthonormal, and each column still has mean 0
    right = torch.linalg.qr(torch.randn(width, width, generator=generator, dtype=torch.float64)).Q
    scales = torch.arange(1, width + 1, dtype=torch.float64).pow(-exponent / 2)
    return count**0.5 * (left * scales) @ right.T
