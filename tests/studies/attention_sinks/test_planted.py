from __future__ import annotations

import pytest
import torch

from geomem.geometry.sinks import SinkLabel, detect_sinks
from geomem.studies.attention_sinks.planted import KAPPAS, TOKENS, answers, find_planted, planted_streams
from geomem.training.progress import silent
from geomem.training.work import Work


@pytest.mark.parametrize("kappa", KAPPAS)
def test_what_is_planted_is_all_that_differs(kappa: int) -> None:
    """The card: +60 s at position 0 in layers 2 to 10, +kappa s at tokens 60 and 120 in layers 5 to 8."""
    plain, streams = planted_streams(0, 3), planted_streams(kappa, 3)
    assert streams.shape == (12, 1, 200, 64)
    added = streams - plain
    direction = (planted_streams(1, 3) - plain)[5, 0, 60]
    assert float(direction.norm()) == pytest.approx(1)
    expected = torch.zeros(12, 200, 64, dtype=torch.float64)
    expected[5:9, list(TOKENS)] = kappa * direction
    assert torch.allclose(added[:, 0], expected)
    lengths = plain[:, 0, 0] @ direction
    assert [round(value / 60) for value in lengths.tolist()] == [0, 0, *[1] * 9, 0]
    rest = plain[:, 0, 1:]
    assert float(rest[0].std()) == pytest.approx(1, abs=0.02)
    assert float(rest.diff(dim=0).std()) == pytest.approx(0.3, abs=0.01)


def test_gate_a_beyond_the_threshold_holds_for_every_draw_and_below_it_nothing_is_found() -> None:
    for seed in range(8):
        for kappa in (0, 10):
            found = answers(kappa, detect_sinks(planted_streams(kappa, seed)))
            assert (found["range_off"], found["flagged"], found["false"]) == (0, 0, 0)
        for kappa in (30, 40, 80):
            found = answers(kappa, detect_sinks(planted_streams(kappa, seed)))
            assert (found["range_off"], found["missed"], found["false"], found["flagged"]) == (0, 0, 0, 2)
            assert 3 <= found["lifetime"] <= 4


def test_the_answers_notice_what_is_wrong() -> None:
    """A weak plant is missed, a long one lives too long, a stranger is false, a short sink has another range."""
    assert answers(40, detect_sinks(planted_streams(10, 0)))["missed"] == 2
    streams = planted_streams(40, 0)
    streams[9, 0, 60] += streams[9, 0, 0]
    longer = detect_sinks(streams)
    assert answers(40, longer)["missed"] == 1
    streams = planted_streams(40, 0)
    streams[4:8, 0, 30] = streams[4:8, 0, 0]
    found = answers(40, detect_sinks(streams))
    assert (found["missed"], found["false"], found["flagged"]) == (0, 1, 3)
    streams = planted_streams(40, 0)
    streams[9:, 0, 0] = streams[1, 0, 0]
    assert answers(40, detect_sinks(streams))["range_off"] == 1


def test_a_label_that_is_not_secondary_is_a_miss() -> None:
    streams = planted_streams(80, 0)
    streams[2:10, 0, 60] = streams[2:10, 0, 0]
    sinks = detect_sinks(streams)
    assert int(sinks.labels[0, 60]) == SinkLabel.PRIMARY_LIKE
    assert answers(80, sinks)["missed"] == 1


def test_the_work_has_a_row_for_every_size() -> None:
    extra = find_planted(Work(seed=1, function="x:y"), None, silent)  # type: ignore[arg-type]
    assert {row.metric for row in extra.rows} == {
        f"planted/{name}" for name in ("range_off", "missed", "false", "flagged", "lifetime")
    }
    for name in ("flagged", "lifetime"):
        assert tuple(row.step for row in extra.rows if row.metric == f"planted/{name}") == KAPPAS
