from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from geomem.errors import InputError
from geomem.graphs.branching_diffusion import branching_features
from geomem.studies.deep_linear_dynamics.own import NAMES, run_own, words_of
from geomem.studies.deep_linear_dynamics.own_data import Correlation
from geomem.studies.deep_linear_dynamics.settings import Own
from geomem.training.progress import silent
from geomem.training.work import Extra, Work

ITEMS = ("ant", "bee", "cod", "eel")


def ran(folder: Path, data: str, own: Own) -> Extra:
    run: Any = SimpleNamespace(path=folder)
    work = Work(function="x:y", settings={"data": data, "own": own.model_dump(mode="json")})
    return run_own(work, run, silent)


def table(folder: Path, scale: float = 1.0) -> str:
    features = scale * branching_features((2, 2), 0.1, 60, 0)
    lines = [",".join(["item", *(f"f{place}" for place in range(60))])]
    lines += [",".join([name, *map(str, features[:, place])]) for place, name in enumerate(ITEMS)]
    file = folder / "table.csv"
    file.write_text("\n".join(lines) + "\n")
    return str(file)


def test_the_order_told_is_the_order_simulated(tmp_path: Path) -> None:
    found = ran(tmp_path, table(tmp_path), Own(modes=4, hidden=8, step=0.02))
    assert found.numbers["own/reached"] == 4
    assert found.numbers["own/order"] == pytest.approx(1)
    assert found.numbers["own/error"] < 0.1
    said = json.loads((tmp_path / NAMES).read_text(encoding="utf-8"))
    # The second mode sets the two branches apart.
    ends = {frozenset(said[1]["inputs"]), frozenset(said[1]["inputs_against"])}
    assert ends == {frozenset(("ant", "bee")), frozenset(("cod", "eel"))}


def test_units_make_the_scale_of_the_data_irrelevant(tmp_path: Path) -> None:
    own = Own(modes=3, hidden=8, step=0.05)
    one = ran(tmp_path, table(tmp_path), own)
    other = ran(tmp_path, table(tmp_path, 1000.0), own)
    torch.testing.assert_close(one.arrays["own/strengths"], other.arrays["own/strengths"])


def test_a_course_that_is_too_short_says_what_was_reached(tmp_path: Path) -> None:
    found = ran(tmp_path, table(tmp_path), Own(modes=4, hidden=8, step=0.02, most_steps=400))
    assert 0 < found.numbers["own/reached"] < 4


def test_modes_need_room(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"own\.hidden: 4 modes"):
        ran(tmp_path, table(tmp_path), Own(modes=8, hidden=2))


def test_both_ends_of_a_mode_are_named() -> None:
    data = Correlation(torch.zeros(2, 3), ("a", "b", "c"), ("y", "z"))
    (found,) = words_of(data, torch.tensor([[1.0], [0.01]]), torch.tensor([[0.5], [-0.8], [0.01]]))
    assert found == {"inputs": ["a"], "outputs": ["y"], "inputs_against": ["b"], "outputs_against": []}
