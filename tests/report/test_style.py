from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest

from geomem.report.style import HAIR, INK, MUTED, PALETTE, PAPER, SOFT, figure_style, group_colours, wrapped


def luminance(colour: str) -> float:
    channels = np.array([int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ np.array([0.2126, 0.7152, 0.0722]))


def test_inks_are_not_data_colours() -> None:
    assert len({*PALETTE, INK, SOFT, HAIR, PAPER, MUTED}) == len(PALETTE) + 5


@pytest.mark.parametrize("ink", [INK, SOFT])
def test_words_on_paper_are_readable(ink: str) -> None:
    assert (luminance(PAPER) + 0.05) / (luminance(ink) + 0.05) >= 4.5


def test_few_groups_get_a_colour_each_and_the_nameless_is_muted() -> None:
    found = group_colours(["b", "a", "", "b"])
    assert found == {"b": PALETTE[0], "a": PALETTE[1], "": MUTED}


def test_of_many_groups_eight_are_coloured() -> None:
    found = group_colours([f"arm {index}" for index in range(250)])
    coloured = [int(name[4:]) for name, tone in found.items() if tone != MUTED]
    assert len(coloured) == len(PALETTE)
    assert max(np.diff(coloured)) <= 32


def test_settings_are_put_back() -> None:
    before = mpl.rcParams["svg.fonttype"]
    with figure_style():
        assert mpl.rcParams["svg.fonttype"] == "none"
    assert mpl.rcParams["svg.fonttype"] == before


def test_wrapping_loses_no_word() -> None:
    text = "Same model with frozen embeddings, a look-up table"
    assert wrapped(text, 2.0).replace("\n", " ") == text
    assert "\n" in wrapped(text, 2.0)
