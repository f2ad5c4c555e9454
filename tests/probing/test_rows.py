from __future__ import annotations

import math

import torch

from geomem.probing.rows import Rows


def test_rows_carry_model_condition_step_and_seed() -> None:
    rows = Rows("m", "untrained", 5, 1)
    rows.add("a/b", 2.0, layer=3, interval=(1.0, 3.0))
    rows.chance("a/b", 0.5, layer=3)
    one, chance = rows.rows
    assert (one.model, one.condition, one.layer, one.step, one.seed) == ("m", "untrained", 3, 5, 1)
    assert (one.low, one.high) == (1.0, 3.0)
    assert chance.condition == "chance"
    assert rows.value("a/b", 3) == 2.0
    assert math.isnan(rows.value("a/b"))


def test_what_another_measurement_found_becomes_this_models() -> None:
    rows, other = Rows("m", "untrained", 5, 1), Rows("")
    other.add("x/y", 1.0)
    other.chance("x/y", 0.0)
    other.keep({"x": torch.ones(2, dtype=torch.float64), "n": torch.ones(2, dtype=torch.int64)})
    other.lines.append("a line")
    rows.take(other)
    assert [(row.model, row.condition) for row in rows.rows] == [("m", "untrained"), ("m", "chance")]
    assert rows.arrays["x"].dtype == torch.float32
    assert rows.arrays["n"].dtype == torch.int64
    assert rows.lines == ["a line"]
