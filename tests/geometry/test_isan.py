"""Input-switched affine networks: exactly low-rank logits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from geomem.geometry.isan import InputSwitchedAffine
from geomem.geometry.logit_rank import singular_values
from geomem.probing.logits.source import MachineSource


def net(vocabulary: int = 3, width: int = 4) -> InputSwitchedAffine:
    return InputSwitchedAffine.draw(vocabulary, width, torch.Generator().manual_seed(0))


def test_states_are_products_of_the_maps() -> None:
    one, words = net(), [2, 0, 1, 1]
    state = one.begin(1)
    expected = one.start.numpy()
    for word in words:
        state = one.step(state, torch.tensor([word]))
        expected = one.switch[word].numpy() @ expected
    np.testing.assert_allclose(state[0], expected)
    np.testing.assert_allclose(one.logits(state)[0], one.output.numpy() @ expected)
    assert one.vocabulary == 3


def test_the_rank_of_all_histories_and_futures_is_the_width() -> None:
    histories = torch.tensor(list(itertools.product(range(3), repeat=4)))
    futures = [
        torch.tensor(one, dtype=torch.int64) for size in range(4) for one in itertools.product(range(3), repeat=size)
    ]
    values = singular_values(MachineSource(net()).matrix(histories, futures).values)
    assert values[3] / values[0] > 1e-6
    assert values[4] / values[0] < 1e-12


def test_what_is_drawn_has_the_scales_it_says() -> None:
    machine = InputSwitchedAffine.draw(50, 40, torch.Generator().manual_seed(3))
    assert float(machine.switch.std()) == pytest.approx(1.1 / 40**0.5, rel=0.02)
    assert float(machine.output.std()) == pytest.approx(2, rel=0.05)
    assert float(machine.start.norm()) == pytest.approx(1)
