from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from geomem.errors import RunError
from geomem.studies.claim import judge
from geomem.studies.depth_efficiency import predicates
from geomem.studies.depth_efficiency.claims import CLAIMS
from geomem.studies.depth_efficiency.predicates import (
    ratio_of_future,
    ratio_of_halves,
    ratio_without_first,
    trend,
)
from geomem.studies.depth_efficiency.settings import LAPTOP
from tests.studies.depth_efficiency import samples
from tests.studies.written import Written

BY_ID = {claim.id: claim for claim in CLAIMS}


def test_the_cards_pilot_supports_the_claims() -> None:
    assert judge(BY_ID["D1"], samples.battery())[0] == "supported"
    assert judge(BY_ID["D2"], samples.battery())[0] == "supported"
    assert judge(BY_ID["D3"], samples.skips())[0] == "supported"
    assert judge(BY_ID["D3-without-first"], samples.skips())[0] == "supported"
    assert judge(BY_ID["D4"], samples.maps())[0] == "supported"


def test_blocks_that_write_alike_contradict_and_a_falling_control_leaves_it_open() -> None:
    assert judge(BY_ID["D1"], samples.battery(samples.WRITES_UNTRAINED))[0] == "contradicted"
    assert judge(BY_ID["D1"], samples.battery((9.0, 0.5, 0.5, 0.3, 0.3, 0.3)))[0] == "supported"
    assert judge(BY_ID["D1"], samples.battery((9.0, 0.5, 0.5, 0.31, 0.3, 0.3)))[0] == "contradicted"
    assert judge(BY_ID["D1"], samples.battery(untrained=samples.WRITES))[0] == "inconclusive"


def test_a_lens_that_falls_from_nothing_contradicts() -> None:
    assert judge(BY_ID["D2"], samples.battery(lens=samples.LENS_UNTRAINED))[0] == "contradicted"
    assert judge(BY_ID["D2"], samples.battery(lens=(6.5, 0.3, 0.2, 0.4, 0.5, 0.02, 0.0)))[0] == "contradicted"
    assert judge(BY_ID["D2"], samples.battery(lens=(6.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.0)))[0] == "supported"


def test_a_first_block_can_make_the_whole_difference() -> None:
    alone = samples.skips((1.0, 0.2, 0.2, 0.2, 0.2))
    assert judge(BY_ID["D3"], alone)[0] == "supported"
    assert judge(BY_ID["D3-without-first"], alone)[0] == "contradicted"
    assert judge(BY_ID["D3"], samples.skips((0.2,) * 5))[0] == "contradicted"


def test_maps_that_go_back_contradict_and_a_missing_sibling_is_said() -> None:
    assert judge(BY_ID["D4"], samples.maps(5 / 6))[0] == "contradicted"
    assert judge(BY_ID["D4"], samples.maps(best=(0,) * 7))[0] == "inconclusive"
    lonely = Written("maps", {}, LAPTOP.model_copy(update={"model": "somewhere"}))
    verdict, _, note = judge(BY_ID["D4"], lonely)
    assert verdict == "inconclusive"
    assert "--set source=PATH" in note
    with pytest.raises(RunError, match="no finished run"):
        predicates.maps_follow_depth(Written("maps", {}, LAPTOP))


def test_halves() -> None:
    six = np.array([samples.WRITES])
    assert ratio_of_halves(six) == pytest.approx((0.18 + 0.15 + 0.14) / 3 / ((0.73 + 0.36) / 2))
    assert math.isnan(ratio_of_halves(six[:, :2]))
    # Six blocks, the last without a later one: 0, 1, 2 against 3, 4.
    five = np.array([[1.0, 2.0, 3.0, 4.0, 8.0]])
    assert ratio_of_future(five) == pytest.approx(6 / 2)
    assert ratio_without_first(five) == pytest.approx(6 / 2.5)
    # Seven blocks: 0..3 against 4, 5.
    assert ratio_of_future(np.array([[1.0, 1, 1, 1, 2, 4]])) == pytest.approx(3)
    assert math.isnan(ratio_of_future(np.array([[1.0, 2.0]])[:, :1]))
    assert math.isnan(ratio_without_first(np.array([[1.0]])))


def test_the_trend_leaves_out_the_last_stream() -> None:
    values = np.array([[3.0, 5.0, 4.0, 0.0]])
    assert trend(values) == pytest.approx(float(spearmanr([0, 1, 2], [3, 5, 4]).statistic))
    assert trend(np.array([samples.LENS])) == pytest.approx(-1)
