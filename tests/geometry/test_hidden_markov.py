"""The forward algorithm, against the sum over all paths."""

from __future__ import annotations

import itertools

import pytest
import torch

from geomem.geometry.hidden_markov import HiddenMarkov


def test_next_token_probabilities_are_sums_over_paths() -> None:
    model = HiddenMarkov.draw(3, 4, torch.Generator().manual_seed(0))

    def joint(words: list[int]) -> float:
        total = 0.0
        for path in itertools.product(range(3), repeat=len(words)):
            weight = float(model.start[path[0]]) * float(model.emission[path[0], words[0]])
            for before, now, word in zip(path, path[1:], words[1:], strict=False):
                weight *= float(model.transition[before, now]) * float(model.emission[now, word])
            total += weight
        return total

    words = [1, 3, 0]
    state = model.begin(2)
    for word in words:
        state = model.step(state, torch.tensor([word, word]))
    found = model.logits(state).exp()
    for token in range(4):
        assert float(found[1, token]) == pytest.approx(joint([*words, token]) / joint(words))
    torch.testing.assert_close(found.sum(1), torch.ones(2, dtype=torch.float64))


def test_drawn_rows_are_distributions() -> None:
    model = HiddenMarkov.draw(5, 2, torch.Generator().manual_seed(1))
    torch.testing.assert_close(model.transition.sum(1), torch.ones(5, dtype=torch.float64))
    assert model.emission.min() > 0
    assert model.vocabulary == 2
