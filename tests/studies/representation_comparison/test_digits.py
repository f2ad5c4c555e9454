from __future__ import annotations

import pytest
import torch

from geomem.geometry.cka import linear_cka
from geomem.studies.representation_comparison.digits import (
    HELD_OUT,
    TRAIN,
    accuracy,
    compare_digits,
    hidden_layers,
    load_pictures,
    train_network,
)
from geomem.studies.representation_comparison.sampling import METRICS
from geomem.studies.representation_comparison.settings import Digits
from geomem.training.progress import silent
from geomem.training.work import Extra, Work

SMALL = Digits(epochs=15, sizes=((200, 32), (50, 8)), draws=2)


@pytest.fixture(scope="module")
def network() -> torch.nn.Sequential:
    return train_network(SMALL, 0, "first")


@pytest.fixture(scope="module")
def extra() -> Extra:
    work = Work(seed=0, function="x:y", settings={"digits": SMALL.model_dump(mode="json")})
    return compare_digits(work, None, silent)  # type: ignore[arg-type]


def test_pictures_are_scikit_learns() -> None:
    images, labels = load_pictures()
    assert images.shape == (1797, 64)
    assert (float(images.min()), float(images.max())) == (0, 1)
    assert labels.bincount().min() > 150


def test_a_network_learns_and_its_seed_and_name_decide_it(network: torch.nn.Sequential) -> None:
    state = torch.get_rng_state()
    again, other = train_network(SMALL, 0, "first"), train_network(SMALL, 0, "second")
    assert torch.equal(torch.get_rng_state(), state)
    assert accuracy(network) > 0.8
    for one, two, three in zip(network.parameters(), again.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)
        assert not torch.equal(one, three)


def test_hidden_layers_are_those_of_the_pictures_held_out(network: torch.nn.Sequential) -> None:
    found = hidden_layers(network)
    assert [layer.shape for layer in found] == [(HELD_OUT, 64)] * 3
    states = load_pictures()[0][TRAIN : TRAIN + HELD_OUT]
    with torch.no_grad():
        for layer, depth in zip(found, (1, 2, 3), strict=True):
            assert torch.allclose(layer, network[: 2 * depth](states).double())


def test_the_measured_table_has_a_row_for_every_similarity_and_size(extra: Extra, network: torch.nn.Sequential) -> None:
    assert extra.numbers["digits/accuracy"] <= accuracy(network)
    for name in METRICS:
        for key in ("identified", "same", "gap", "trusted", "right", "noise"):
            assert [row.step for row in extra.rows if row.metric == f"{key}/{name}"] == [200, 50]
        assert extra.arrays[f"map-{name}"].shape == (3, 3)
    second = hidden_layers(train_network(SMALL, 0, "second"))
    expected = linear_cka(hidden_layers(network)[0], second[2])
    assert float(extra.arrays["map-cka"][0, 2]) == pytest.approx(float(expected))


def test_the_networks_are_alike_layer_by_layer_and_noise_is_not(extra: Extra) -> None:
    values = {(row.metric, row.step): row.value for row in extra.rows}
    assert values["same/cka", 200] > 0.85
    assert abs(values["noise/cka-unbiased", 200]) < 0.03
    assert values["noise/cka", 50] > values["noise/cka", 200]
