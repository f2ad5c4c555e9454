from __future__ import annotations

import pytest
import torch

from geomem.errors import InputError
from geomem.geometry.softmax_rank import mean_kl
from geomem.models.mixture import MixtureOfSoftmaxes, Softmax
from geomem.solvers.fit_head import fit_head


def _target() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    h, w = (torch.randn(n, 6, generator=generator, dtype=torch.float64) for n in (32, 10))
    return torch.softmax(2 * h @ w.T / 6**0.5, dim=1)


def test_a_wide_softmax_fits_and_a_mixture_fits_better_than_a_narrow_one() -> None:
    target = _target()
    wide, narrow = Softmax(32, 10, 9, seed=0), Softmax(32, 10, 2, seed=0)
    mixed = MixtureOfSoftmaxes(32, 10, 2, components=3, seed=0)
    found = {name: fit_head(head, target, lr=0.03, steps=600) for name, head in
             {"wide": wide, "narrow": narrow, "mixed": mixed}.items()}  # fmt: skip
    assert found["wide"] < 1e-3
    assert found["mixed"] < found["narrow"]
    with torch.no_grad():
        assert float(mean_kl(target, narrow(torch.arange(32)))) == found["narrow"]


def test_progress_and_divergence() -> None:
    seen: list[int] = []
    fit_head(Softmax(32, 10, 2, seed=0), _target(), lr=0.03, steps=200, progress=lambda step, _: seen.append(step))
    assert seen == list(range(0, 200, 2))
    with pytest.raises(InputError, match="too large"):
        fit_head(Softmax(32, 10, 2, seed=0), _target(), lr=1e200, steps=50)
