"""Machines as sources, and which tokens are kept."""

from __future__ import annotations

import torch

from geomem.geometry.hidden_markov import HiddenMarkov
from geomem.probing.logits.source import MachineSource, top_tokens


def test_a_machine_is_read_history_by_history() -> None:
    machine = HiddenMarkov.draw(3, 5, torch.Generator().manual_seed(0))
    source = MachineSource(machine)
    histories, future = torch.tensor([[1, 2], [4, 0], [3, 3]]), torch.tensor([2, 1])
    found = source.matrix(histories, [future, future[:0]])
    assert found.values.shape == (3, 2, 5)
    for row, history in enumerate(histories):
        reading = source.begin(history[None])
        torch.testing.assert_close(found.values[row, 1], reading.logits()[0])
        for token in future:
            reading.read(token[None])
        torch.testing.assert_close(found.values[row, 0], reading.logits()[0])
    few = source.matrix(histories, [future], tokens=2)
    assert few.columns[0].tolist() == sorted(found.values[:, 0].mean(0).topk(2).indices.tolist())
    torch.testing.assert_close(few.values[:, 0], found.values[:, 0][:, few.columns[0]])
    weights = torch.tensor([1.0, -1.0, 2.0], dtype=torch.float64)
    reading = source.begin(histories)
    torch.testing.assert_close(reading.combined(weights), weights @ reading.logits())


def test_top_tokens() -> None:
    means = torch.tensor([[0.0, 3.0, 1.0, 2.0], [5.0, -1.0, 4.0, 0.0]])
    assert top_tokens(means, 2).tolist() == [[1, 3], [0, 2]]
    assert top_tokens(means, None).tolist() == [[0, 1, 2, 3]] * 2
    assert top_tokens(means, 9).tolist() == [[0, 1, 2, 3]] * 2
