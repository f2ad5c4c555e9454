from __future__ import annotations

from pathlib import Path

import pytest

from geomem.runs.exhibits import Bars, Curves, Heatmap, Profiles
from geomem.studies.depth_efficiency import pictures
from geomem.studies.depth_efficiency.predicates import RATIO
from geomem.studies.depth_efficiency.settings import LAPTOP
from geomem.studies.evidence import Evidence
from tests.contract.checks import check_exhibits
from tests.studies.depth_efficiency import samples
from tests.studies.written import Written


def test_a_run_leaves_every_picture(depth_evidence: dict[str, Evidence], tmp_path: Path) -> None:
    names = ("battery", "skips", "erasure", "maps", "rates")
    shown = {name: list(getattr(pictures, name)(depth_evidence[name])) for name in names}
    check_exhibits([one for some in shown.values() for one in some], tmp_path)
    assert {name: [one.id for one in some] for name, some in shown.items()} == {
        "battery": ["depth-battery", "depth-parts"],
        "skips": ["depth-skips", "depth-skip-maps", "depth-scores"],
        "erasure": ["depth-erasure"],
        "maps": ["depth-maps", "depth-maps-best"],
        "rates": ["depth-rates"],
    }
    assert [one.id for some in shown.values() for one in some if one.hero] == ["depth-battery"]
    scores, errors, best = shown["skips"][2], shown["maps"][0], shown["maps"][1]
    assert isinstance(scores, Bars)
    assert [bar.name for bar in scores.panels[0].series] == ["trained", "untrained", "all blocks alike"]
    assert isinstance(errors, Heatmap)
    assert (len(errors.panels[0].matrix), len(errors.panels[0].matrix[0])) == (3, 5)
    assert isinstance(best, Curves)
    assert best.series[-1].y == pytest.approx((0, 0.5, 1, 1.5, 2))


def test_the_model_stands_beside_its_twin() -> None:
    hero = pictures.battery(samples.battery())[0]
    assert isinstance(hero, Profiles)
    writes, lens = hero.panels[0], hero.panels[1]
    assert lens.series[0].y == samples.LENS[:-1]
    assert lens.log_y
    assert {line.name: (line.y, line.dashed) for line in writes.series} == {
        "trained": (samples.WRITES, False),
        "untrained": (samples.WRITES_UNTRAINED, True),
    }


def test_rates_are_named() -> None:
    evidence = Written("rates", {(f"lr-{rate}", 0): samples.by_layer(RATIO, samples.WRITES) for rate in ("0.1", "0.2")})
    (made,) = pictures.rates(evidence)
    assert isinstance(made, Profiles)
    assert [line.name for line in made.panels[0].series] == ["rate 0.1", "rate 0.2"]


def test_nothing_measured_draws_nothing() -> None:
    for draw in (pictures.battery, pictures.skips, pictures.erasure, pictures.maps, pictures.rates):
        assert list(draw(Written("none", {}, LAPTOP))) == []
