from __future__ import annotations

import torch

from geomem.probing.conditions import shuffled_windows, untrained_twin
from tests.probing import tiny


def test_the_twin_has_the_shape_but_not_the_weights_and_is_decided_by_the_seed() -> None:
    model = tiny.gpt2()
    state = torch.get_rng_state()
    one, same, other = (untrained_twin(model, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    assert {name: tensor.shape for name, tensor in one.state_dict().items()} == shapes
    weights = [twin.get_input_embeddings().weight for twin in (one, same, other, model)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], weights[3])
    assert not one.training


def test_a_shuffle_depends_on_the_window_and_not_on_what_is_beside_it() -> None:
    tokens = torch.arange(20).reshape(2, 10)
    both = shuffled_windows(tokens, torch.tensor([5, 9]), seed=0)
    alone = shuffled_windows(tokens[1:], torch.tensor([9]), seed=0)
    assert torch.equal(both[1:], alone)
    assert torch.equal(both.sort(1).values, tokens)
    assert not torch.equal(both, shuffled_windows(tokens, torch.tensor([5, 9]), seed=1))
