from __future__ import annotations

from pathlib import Path

import pytest

from geomem.probing.findings import MOST, Probed, findings, headline
from geomem.probing.keep import PassResult
from geomem.runs.tables import Measurement


def result(profiles: dict[str, list[float]], numbers: dict[str, float] | None = None, condition: str = "",
           chance: dict[str, float] | None = None, layers: int = 10) -> PassResult:  # fmt: skip
    rows = [Measurement(model="m", condition=condition, layer=layer, metric=metric, value=value)
            for metric, values in profiles.items() for layer, value in enumerate(values)]  # fmt: skip
    rows += [Measurement(model="m", condition=condition, metric=metric, value=value)
             for metric, value in (numbers or {}).items()]  # fmt: skip
    for metric, value in (chance or {}).items():
        rows += [Measurement(model="m", condition="chance", metric=metric, value=value)]
        rows += [Measurement(model="m", condition="chance", layer=layer, metric=metric, value=value)
                 for layer in range(layers + 1)]  # fmt: skip
    facts = {"layers": layers, "width": 64, "tokens": 8192, "context": 512}
    return PassResult(Path(), "m", condition, None, rows, [], facts, {})


def said(probed: Probed) -> str:
    return " ".join(one.text for one in findings(probed))


def test_the_headline_says_what_was_measured_and_how_well_the_model_predicts() -> None:
    probed = Probed(result({}, {"model/loss": 3.25}, chance={"model/loss": 7.5}))
    assert headline(probed) == (
        "10 blocks of width 64, measured on 8\u202f192 tokens in windows of 512: a loss of 3.25 nats a token, where a "
        "unigram model has 7.5."
    )
    assert headline(Probed(result({}))).endswith("windows of 512.")


def test_sinks_are_said_with_their_layer_and_that_they_are_left_out() -> None:
    ratios = {"attention/norm_ratio": [1.0, 2.0, 150.0, 140.0]}
    there = said(Probed(result(ratios, {"attention/windows_with_sink": 1.0, "attention/left_out": 0.004})))
    assert "after block 2 its norm is 150 times that of the median token" in there
    assert "(0.4\u202f% of all tokens) are left out of every other number" in there
    kept = said(Probed(result(ratios, {"attention/windows_with_sink": 1.0, "attention/left_out": 0.0})))
    assert "they are kept in all numbers, as was asked for" in kept
    none = said(Probed(result({"attention/norm_ratio": [1.0, 1.1]}, {"attention/windows_with_sink": 0.0})))
    assert "There is no attention sink" in none


def test_a_low_rank_is_said_against_the_untrained_twin_only_when_it_is_low() -> None:
    own, twin = {"spectrum/rankme": [50.0, 40.0, 9.0, 30.0]}, {"spectrum/rankme": [60.0, 55.0, 50.0, 45.0]}
    low = said(Probed(result(own), result(twin, condition="untrained")))
    assert "lowest at layer 2: the tokens' variance fills 9 of 64 directions (the untrained twin has 50)" in low
    flat = {"spectrum/rankme": [60.0, 55.0, 52.0, 50.0]}
    assert "Effective rank" not in said(Probed(result(flat), result(twin, condition="untrained")))


def test_depth_of_the_prediction_directions_of_updates_and_quiet_blocks() -> None:
    late = Probed(result({"lens/kl": [9.0] * 9 + [2.0, 0.0]}))
    assert "only late: the logit lens is within 1 nat of the final guess from layer 10 of 10 on" in said(late)
    early = Probed(result({"lens/kl": [9.0, 2.0, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.0]}))
    assert "early" in said(early)
    turn = Probed(result({"updates/update_cosine": [0.9, -0.4, -0.3, -0.2, 0.05, 0.3, 0.4]}))
    assert "Blocks 1 to 3 write against the stream they read (erase), blocks 5 to 6 along it (reinforce)" in said(turn)
    mixed = Probed(result({"updates/update_cosine": [0.9, -0.4, 0.3, -0.2, 0.3]}))
    assert "erase" not in said(mixed)
    quiet = Probed(result({"updates/stream_cosine": [0.5, 0.96, 0.97, 0.98, 0.8]}))
    assert "3 of 5 blocks leave the direction of the stream nearly as it was" in said(quiet)


def test_the_most_telling_comes_first_and_there_are_few() -> None:
    probed = Probed(
        result(
            {
                "attention/norm_ratio": [1.0, 900.0],
                "spectrum/rankme": [50.0, 20.0, 9.0, 30.0],
                "spectrum/anisotropy": [0.1, 0.9, 0.8, 0.7],
                "updates/update_ratio": [30.0, 0.3, 0.2, 0.2],
                "updates/stream_cosine": [0.1, 0.97, 0.98],
                "lens/kl": [9.0, 8.0, 7.0, 2.0, 0.0],
                "collapse/nc4": [0.5] * 11,
                "recency/centred": [0.0, 0.5],
            },
            {"attention/windows_with_sink": 1.0, "attention/left_out": 0.01},
            chance={"collapse/nc4": 0.01},
        ),
        shuffled=result({"recency/centred": [0.0, 0.0]}, condition="shuffled"),
    )
    found = findings(probed)
    assert len(found) == MOST
    assert "attention sink" in found[0].text
    assert [one.weight for one in found] == sorted((one.weight for one in found), reverse=True)


@pytest.mark.parametrize("value", [float("nan"), 0.0])
def test_nothing_measured_is_nothing_said(value: float) -> None:
    assert findings(Probed(result({"spectrum/rankme": [value] * 3} if value else {}))) == []


def test_a_map_is_said_only_where_there_is_one_beyond_the_twins() -> None:
    own, twin = {"knowledge/ridge_r2": [0.1, 0.7, 0.6]}, {"knowledge/ridge_r2": [0.1, 0.15, 0.1]}
    there = said(Probed(result(own), result(twin, condition="untrained")))
    assert "read off the names' states linearly: held-out R² 0.7 at layer 1 (untrained twin 0.15)" in there
    none = said(Probed(result({"knowledge/ridge_r2": [0.1, 0.16, 0.1]}), result(twin, condition="untrained")))
    assert "No layer holds the true map of the graph: the best held-out R² is 0.16 (untrained twin 0.15)" in none
    hops = said(Probed(result({"knowledge/cosine": [0.1, 0.5]})))
    assert "Distances between names follow the graph with a rank correlation of 0.5 at layer 1" in hops


def test_predictions_after_counted_contexts_are_said_beside_frequencies_alone() -> None:
    numbers = {"contexts/contexts": 512.0, "contexts/inside": 0.77, "contexts/gap": 0.5}
    chance = {"contexts/inside": 0.25, "contexts/gap": 2.5}
    assert said(Probed(result({}, numbers, chance=chance))) == (
        "After the 512 contexts, 77\u202f% of the model's mass is on tokens that were counted there (frequencies "
        "alone: 25\u202f%), and its loss is 0.5 nats above their entropy (2.5)."
    )
    assert "contexts" not in said(Probed(result({}, {"contexts/gap": 0.5})))
