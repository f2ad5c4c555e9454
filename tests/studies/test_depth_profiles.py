from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from geomem.errors import RunError
from geomem.runs.exhibits import Reference
from geomem.studies.depth_profiles import by_layer, over_depth, panel
from tests.studies.written import Written, row


def profiles(*, seeds: int = 2) -> Written:
    """Metric "a" is seed + layer, and 10 untrained; "b" is 1 in every layer."""
    return Written("made-up", {
        ("model", seed): [
            *(row("a", float(seed + layer), layer=layer) for layer in (2, 0, 1)),
            *(row("a", 10.0, layer=layer, condition="untrained") for layer in range(3)),
            *(row("b", 1.0, layer=layer) for layer in range(3)),
        ]
        for seed in range(seeds)
    })  # fmt: skip


def test_profiles_are_combined_by_seed_in_the_order_of_layers() -> None:
    evidence = profiles()
    assert over_depth(evidence, "model", np.min, "a") == {0: 0.0, 1: 1.0}
    assert over_depth(evidence, "model", lambda rows: rows[0, -1] - rows[1, 0], "a", "b") == {0: 1.0, 1: 2.0}
    assert over_depth(evidence, "model", lambda rows: (rows[1] - rows[0]).sum(), "a", ("a", "untrained")) == {
        0: 27,
        1: 24,
    }
    with pytest.raises(RunError, match="'c' was not measured"):
        over_depth(evidence, "model", np.min, "c")


def test_a_seed_that_diverged_is_lost_and_not_forgotten() -> None:
    evidence = profiles(seeds=1)
    ended: Any = {("model", 0): None, ("model", 7): None, ("other", 3): None}
    evidence.ended = ended
    found = over_depth(evidence, "model", np.max, "a")
    assert list(found) == [0, 7]
    assert found[0] == 2
    assert math.isnan(found[7])


def test_curves_are_means_with_the_range_of_seeds() -> None:
    (line,) = by_layer(profiles(), "model", "a", "trained")
    assert (line.name, line.x, line.y, line.low, line.high) == (
        "trained",
        (0, 1, 2),
        (0.5, 1.5, 2.5),
        (0, 1, 2),
        (1, 2, 3),
    )
    (control,) = by_layer(profiles(seeds=1), "model", "a", "untrained", control="untrained", dashed=True)
    assert (control.y, control.low, control.dashed) == ((10, 10, 10), None, True)
    (short,) = by_layer(profiles(), "model", "a", "all but the last", layers=slice(-1))
    assert (short.x, short.y, short.high) == ((0, 1), (0.5, 1.5), (1, 2))
    assert by_layer(profiles(), "model", "c", "nothing") == by_layer(profiles(), "nobody", "a", "nothing") == []


def test_a_panel_holds_the_curves_there_are() -> None:
    line = by_layer(profiles(), "model", "a", "trained")
    (made,) = panel("title", line, [], references=[Reference(name="level", value=1)], log_y=True)
    assert (made.title, made.series, made.references[0].name, made.log_y) == ("title", tuple(line), "level", True)
    assert panel("title", [], []) == []
