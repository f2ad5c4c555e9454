"""Text from a predictor, and the divergence of every step, against the definition."""

from __future__ import annotations

import pytest
import torch
from scipy import special

from geomem.errors import InputError
from geomem.geometry.isan import InputSwitchedAffine
from geomem.probing.lingen.follow import follow, greedy, sampling
from geomem.probing.lingen.predictors import Frequencies, One
from geomem.probing.logits.source import MachineSource


def test_divergences_are_those_of_scipy_along_the_tokens_written() -> None:
    source = MachineSource(InputSwitchedAffine.draw(4, 5, torch.Generator().manual_seed(0)))
    history, told = torch.tensor([1, 3]), torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    found = follow(Frequencies(told.log()), One(source.begin(history[None])), 3, greedy)
    assert found.tokens.tolist() == [3, 3, 3]
    for step in range(3):
        reading = source.begin(torch.cat([history, torch.full((step,), 3)])[None])
        true = reading.logits()[0].softmax(0)
        assert float(found.divergences[step]) == pytest.approx(special.rel_entr(true.numpy(), told.numpy()).sum())
    assert found.total == pytest.approx(float(found.divergences.sum()))


def test_sampling_follows_the_distribution_and_the_seed() -> None:
    logs = torch.tensor([0.7, 0.1, 0.2], dtype=torch.float64).log()
    choose = sampling(torch.Generator().manual_seed(0))
    drawn = torch.bincount(torch.tensor([choose(logs) for _ in range(4000)]), minlength=3) / 4000
    torch.testing.assert_close(drawn.double(), logs.exp(), atol=0.03, rtol=0)
    cold = sampling(torch.Generator().manual_seed(0), temperature=0.05)
    assert {cold(logs) for _ in range(50)} == {0}
    with pytest.raises(InputError, match="above 0"):
        sampling(torch.Generator(), 0.0)
