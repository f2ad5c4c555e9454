from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomem.numbers import THIN, duration, interval, number


@pytest.mark.parametrize(
    ("value", "percent", "text"),
    [
        (0.8612, True, f"86.1{THIN}%"),
        (1.0, True, f"100{THIN}%"),
        (0.9999, True, f">99.9{THIN}%"),
        (0.004, True, f"0.4{THIN}%"),
        (0.0, True, f"0{THIN}%"),
        (1e-7, True, f"1·10⁻⁵{THIN}%"),
        (1.3742, False, "1.37"),
        (-0.25, False, "−0.25"),
        (50001, False, f"50{THIN}001"),
        (1.31e5, False, f"131{THIN}000"),
        (3.2e-7, False, "3.2·10⁻⁷"),
        (math.nan, False, "–"),
        (None, True, "–"),
        (math.inf, False, "∞"),
    ],
)
def test_numbers_in_words(value: float | None, percent: bool, text: str) -> None:
    assert number(value, percent=percent) == text


@given(st.floats(1e-3, 9.9e4))
def test_three_digits_come_back(value: float) -> None:
    assert float(number(value).replace(THIN, "")) == pytest.approx(value, rel=6e-3)


@given(st.floats(0, 1, exclude_max=True))
def test_less_than_all_is_never_shown_as_all(value: float) -> None:
    assert number(value, percent=True) != f"100{THIN}%"


def test_intervals() -> None:
    assert interval(0.761, 0.874, percent=True) == f"76.1 to 87.4{THIN}%"
    assert interval(None, 1.0) == ""
    assert interval(math.nan, 1.0) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.21, "4.2_s"), (59.4, "59_s"), (59.7, "1_min 00_s"), (214, "3_min 34_s"), (3905, "1_h 05_min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text.replace("_", THIN)
