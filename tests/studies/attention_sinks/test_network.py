from __future__ import annotations

import pytest
import torch

from geomem.geometry.sinks import detect_sinks
from geomem.studies.attention_sinks.network import SECONDARY, Planted, grow_sink, most_attended, plant, sizes
from geomem.studies.attention_sinks.settings import Network
from geomem.training.progress import silent
from geomem.training.work import Work

SMALL = Network(width=32, windows=4, context=48, marked=24, directions=4, sizes=5)


@pytest.fixture(scope="module")
def network() -> Planted:
    return plant(SMALL, 0)


@pytest.fixture(scope="module")
def direction(network: Planted) -> torch.Tensor:
    return most_attended(network, 4, 0)


def streams(network: Planted) -> torch.Tensor:
    with network.adapter.record(parts=False) as record:
        network.adapter.run(network.tokens)
    return torch.stack(record.streams)


def test_tokens_are_marked_where_others_can_attend_to_them(network: Planted) -> None:
    assert int(network.marked.sum()) > 4
    assert not bool(network.marked[:, :4].any() | network.marked[:, -8:].any())
    assert bool((network.tokens[network.marked] < SMALL.marked).sum() >= network.marked.sum() - 1)
    assert int(network.first.sum()) == SMALL.windows


def test_the_vector_is_written_by_one_mlp_and_taken_away_four_blocks_later(
    network: Planted, direction: torch.Tensor
) -> None:
    plain = streams(network)
    with network.sinks(direction, 0.0):
        before = streams(network)
    with network.sinks(direction, 50.0):
        after = streams(network)
    moved = ((after - before) @ direction)[:, network.marked].mean(1)
    inside = [SECONDARY[0] < stream <= SECONDARY[1] for stream in range(13)]
    assert [bool(value > 40) for value in moved] == inside
    assert float(moved[SECONDARY[1] + 1 :].abs().max()) < 10
    others = ~(network.marked | network.first)
    assert float(((after - before) @ direction)[:, others].abs().max()) < 10
    assert torch.equal(streams(network), plain)
    assert not torch.equal(before, plain)


def test_a_long_vector_is_a_sink_for_exactly_its_four_layers(network: Planted, direction: torch.Tensor) -> None:
    with network.sinks(direction, 8 * float(network.norms[8])):
        sinks = detect_sinks(streams(network)[1:])
    assert bool(sinks.present.all())
    assert set(sinks.creation[network.marked].tolist()) == {SECONDARY[0]}
    assert set(sinks.lifetime[network.marked].tolist()) == {SECONDARY[1] - SECONDARY[0]}
    assert not bool(sinks.flagged[:, ~network.marked].any())
    assert network.lifetime(direction, 0.0) == 0.0


def test_of_random_directions_the_most_attended_is_planted(network: Planted, direction: torch.Tensor) -> None:
    assert float(direction.norm()) == pytest.approx(1)
    long = 4 * float(network.norms[SECONDARY[1] - 1])
    alone = most_attended(network, 1, 0)
    assert network.score(direction, long) >= network.score(alone, long)
    assert network.score(direction, long) > network.score(direction, 0.0)


def test_sizes_go_from_where_nothing_is_flagged_to_where_all_is(network: Planted, direction: torch.Tensor) -> None:
    found = sizes(network, 5)
    assert len(found) == 5
    assert network.lifetime(direction, found[0]) == 0
    assert network.lifetime(direction, found[-1]) > 3


def test_gate_a_on_a_network(network: Planted) -> None:
    """Lifetime and sink score do not fall as the planted vector grows (card: Spearman 0.9)."""
    work = Work(seed=0, function="x:y", settings={"network": SMALL.model_dump(mode="json")})
    extra = grow_sink(work, None, silent)  # type: ignore[arg-type]
    assert extra.numbers["network/score_spearman"] >= 0.9
    assert extra.numbers["network/lifetime_spearman"] >= 0.85  # ties of so few sizes cost some
    lifetimes = [row.value for row in extra.rows if row.metric == "network/lifetime"]
    assert lifetimes == sorted(lifetimes)
    assert extra.numbers["network/tokens"] == int(network.marked.sum())
