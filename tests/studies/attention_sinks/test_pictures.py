from __future__ import annotations

from pathlib import Path

import pytest

from geomem.runs.exhibits import Bars, Curves, Heatmap, Profiles, Table
from geomem.studies.attention_sinks import pictures
from tests.contract.checks import check_exhibits
from tests.studies.attention_sinks import samples


def test_a_model_with_secondary_sinks_has_every_picture(tmp_path: Path) -> None:
    found = list(pictures.checkpoint(samples.model()))
    assert [one.id for one in found] == [
        "sinks-by-depth", "sinks-places", "sinks-score", "sinks-levels", "sinks-pathway", "sinks-causal",
    ]  # fmt: skip
    check_exhibits(found, tmp_path)
    depth, places, score, levels, pathway, causal = found
    assert isinstance(depth, Profiles)
    assert depth.hero
    assert [len(one.series) for one in depth.panels] == [2, 2, 2, 2]
    assert isinstance(places, Heatmap)
    assert places.panels[0].matrix[0][0] == 0.0
    assert isinstance(score, Curves)
    assert [one.name for one in score.series] == [
        "first token", "secondary sinks", "same tokens, no sinks", "uniform",
    ]  # fmt: skip
    assert isinstance(levels, Table)
    assert levels.rows == ((1, 2, 3), (2, 2, 1))
    assert isinstance(pathway, Bars)
    assert pathway.panels[0].categories == ("input", "up", "output")
    assert [one.values for one in pathway.panels[0].series] == [pytest.approx((0, 0.3, 0.6))] * 2
    assert isinstance(causal, Profiles)
    assert [one.series[0].y for one in causal.panels] == [(1, 2), (1, 2)]


def test_without_secondary_sinks_or_attention_only_what_there_is_is_drawn() -> None:
    found = pictures.checkpoint(samples.model(secondary=False, maps=False))
    assert [one.id for one in found] == ["sinks-by-depth", "sinks-places"]
    (depth, _) = found
    assert isinstance(depth, Profiles)
    assert depth.panels[0].title == "Norm of the first token / median"


def test_planted_pictures_are_over_sizes(tmp_path: Path) -> None:
    (curve,) = pictures.planted_streams(samples.streams())
    assert isinstance(curve, Curves)
    assert curve.series[0].x == (0, 10, 20, 30, 40, 80)
    assert curve.series[0].y == (0, 0, 0, 4, 4, 4)
    (profiles,) = pictures.planted_network(samples.network())
    assert isinstance(profiles, Profiles)
    assert [one.series[0].y for one in profiles.panels] == [(1, 2), (1, 2)]
    check_exhibits([curve, profiles], tmp_path)
