from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from geomem.geometry.sink_pathway import mlp_pathway
from tests.geometry.samples import normal


def layer(inputs: int, outputs: int, seed: int) -> nn.Linear:
    made = nn.Linear(inputs, outputs, dtype=torch.float64)
    made.weight.data = normal(outputs, inputs, seed=seed)
    made.bias.data = normal(outputs, seed=seed + 1)
    return made.requires_grad_(False)


def cosine(one: Tensor, two: Tensor) -> list[float]:
    return torch.cosine_similarity(one, two[None], dim=1).tolist()


def test_every_step_of_a_gated_mlp() -> None:
    rows, p = normal(4, 6), normal(6, seed=1)
    gate, up, down, act = layer(6, 10, 2), layer(6, 10, 4), layer(10, 6, 6), nn.functional.silu
    found = mlp_pathway(rows, p, gate=gate, up=up, activation=act, down=down)
    assert list(found) == ["input", "gate", "up", "activated", "product", "output"]
    steps = [(x, gate(x), up(x), act(gate(x)), act(gate(x)) * up(x), down(act(gate(x)) * up(x))) for x in (rows, p)]
    for name, one, two in zip(found, *steps, strict=True):
        assert found[name].tolist() == pytest.approx(cosine(one, two))


def test_every_step_of_a_plain_mlp() -> None:
    rows, p = normal(4, 6), normal(6, seed=1)
    up, down, act = layer(6, 10, 4), layer(10, 6, 6), nn.functional.gelu
    found = mlp_pathway(rows, p, up=up, activation=act, down=down)
    assert list(found) == ["input", "up", "activated", "output"]
    for name, one, two in zip(found, *[(x, up(x), act(up(x)), down(act(up(x)))) for x in (rows, p)], strict=True):
        assert found[name].tolist() == pytest.approx(cosine(one, two))


def test_a_down_projection_of_rank_one_makes_the_jump() -> None:
    rows, p = normal(50, 200), normal(200, seed=1)
    down = torch.outer(normal(200, seed=2), normal(300, seed=3).abs())
    up = layer(200, 300, 4)
    found = mlp_pathway(rows, p, up=up, activation=torch.relu, down=lambda x: x @ down.T)
    assert float(found["up"].abs().mean()) < 0.5
    assert float(found["output"].min()) == pytest.approx(1)
