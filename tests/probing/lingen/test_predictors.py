"""Predictors: combinations, one sequence, frequencies."""

from __future__ import annotations

import torch

from geomem.geometry.isan import InputSwitchedAffine
from geomem.probing.lingen.predictors import Combined, Frequencies, One, frequencies
from geomem.probing.logits.source import MachineSource


def test_a_combination_is_the_softmax_of_the_weighted_logits_and_reads_on() -> None:
    source = MachineSource(InputSwitchedAffine.draw(4, 5, torch.Generator().manual_seed(0)))
    histories, weights = torch.tensor([[1, 2], [3, 0], [2, 2]]), torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64)
    one = Combined(source.begin(histories), weights)
    for token in (None, 3, 1):
        if token is not None:
            one.read(token)
            histories = torch.cat([histories, torch.full((3, 1), token)], 1)
        expected = torch.log_softmax(weights @ source.begin(histories).logits(), 0)
        torch.testing.assert_close(one.log_probabilities(), expected)


def test_one_sequence_is_the_model_itself() -> None:
    source = MachineSource(InputSwitchedAffine.draw(4, 5, torch.Generator().manual_seed(0)))
    reading = source.begin(torch.tensor([[1, 2]]))
    torch.testing.assert_close(One(reading).log_probabilities(), reading.logits()[0].log_softmax(0))


def test_frequencies() -> None:
    found = frequencies(torch.tensor([0, 0, 2]), 4)
    torch.testing.assert_close(found.exp(), torch.tensor([3, 1, 2, 1], dtype=torch.float64) / 7)
    one = Frequencies(found)
    one.read(3)
    assert one.log_probabilities() is found
