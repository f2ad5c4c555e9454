from __future__ import annotations

import pytest

from geomem.errors import InputError
from geomem.studies.geometric_memory.build import FROZEN, edges_first, path_task, spec, stage, star, transformer
from geomem.studies.geometric_memory.settings import LAPTOP, PathStar

SMALL = PathStar(
    arms=8, length=3, width=16, heads=2, edge_steps=3, path_steps=5, frozen_edge_steps=7, edge_batch=9, warmup=2
)


def test_parts_carry_the_settings_and_the_changes() -> None:
    assert star(SMALL) == {"kind": "path-star", "arms": 8, "length": 3}
    task = path_task(SMALL, target="full", pauses=4)
    assert (task["target"], task["pauses"], task["graph"]) == ("full", 4, star(SMALL))
    assert path_task(SMALL)["target"] == "hardest"
    assert transformer(SMALL, **FROZEN)["frozen"] is True


def test_a_stage_samples_only_what_it_mixes() -> None:
    alone = stage("edges", 3, 1e-2, {"edges": 1.0}, SMALL, kind="constant")
    assert alone["batch"] == {"edges": 9}
    assert alone["schedule"] == {"warmup": 2, "kind": "constant"}
    assert stage("paths", 3, 1e-2, {"paths": 1.0}, SMALL)["batch"] == {}


def test_edges_first_then_both_slower() -> None:
    first, second = edges_first(SMALL)
    assert (first["steps"], first["mix"]) == (3, {"edges": 1.0})
    assert second["steps"] == 5
    assert second["mix"] == {"edges": 0.75, "paths": 0.25}
    assert second["optimizer"]["lr"] < first["optimizer"]["lr"]
    assert edges_first(SMALL, frozen=True)[0]["steps"] == 7
    assert edges_first(SMALL, path_steps=11)[1]["steps"] == 11
    assert edges_first(LAPTOP.path_star)[0]["batch"] == {}


def test_a_spec_is_validated_and_uses_one_thread() -> None:
    made = spec(path_task(SMALL), transformer(SMALL), edges_first(SMALL), 4, evaluate_every=2)
    assert (made.seed, made.threads, made.steps, made.evaluate_every) == (4, 1, 8, 2)
    with pytest.raises(InputError, match="did you mean 'width'"):
        spec(path_task(SMALL), {"kind": "transformer", "widht": 3}, edges_first(SMALL), 0)
