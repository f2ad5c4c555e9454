from __future__ import annotations

import pytest

from geomem.spec import Spec
from geomem.studies.geometric_memory.settings import LAPTOP, PAPER, SMOKE, Settings


def test_the_published_sizes() -> None:
    """arXiv 2510.26745, Table 1."""
    star = PAPER.path_star
    assert (star.arms, star.length, star.layers, star.heads, star.width, star.pauses) == (5000, 5, 12, 8, 384, 5)
    assert [(one.arms, one.length, one.width, one.pauses) for one in PAPER.sizes] == [
        (10_000, 6, 384, 6),
        (10_000, 10, 784, 10),
    ]
    assert PAPER.pauses == (0, 2, 4, 6, 10)


def test_scales_grow() -> None:
    for smaller, larger in ((SMOKE, LAPTOP), (LAPTOP, PAPER)):
        assert smaller.path_star.arms < larger.path_star.arms
        assert smaller.path_star.width < larger.path_star.width
        assert smaller.ablation_arms < larger.ablation_arms
        assert smaller.tree_star.arms < larger.tree_star.arms
        assert smaller.mamba.arms < larger.mamba.arms
    assert SMOKE.tiny.effort < LAPTOP.tiny.effort == PAPER.tiny.effort == 1.0


@pytest.mark.parametrize("settings", [SMOKE, LAPTOP, PAPER], ids=["smoke", "laptop", "paper"])
def test_widths_divide_by_heads_and_everything_round_trips(settings: Settings) -> None:
    for part in (settings.path_star, settings.countries, settings.in_context):
        assert part.width % part.heads == 0
    for size in settings.sizes:
        assert size.width % settings.path_star.heads == 0
    assert Settings.model_validate_json(settings.model_dump_json()) == settings
    assert isinstance(settings, Spec)
