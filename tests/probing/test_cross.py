from __future__ import annotations

from dataclasses import replace

import torch

from geomem.probing.cross import STATES, compare_models
from geomem.probing.findings import Probed
from geomem.runs.tables import select
from tests.probing import tiny
from tests.probing.test_findings import result


def _model(name: str, states: list[torch.Tensor]) -> Probed:
    groups = torch.arange(40).repeat_interleave(5)
    found = result({}, layers=len(states) - 1)
    return Probed(replace(found, model=name, kept={STATES: torch.stack(states), "words/groups": groups}))


def _layers(seed: int, count: int = 4) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(200, 6, generator=generator) for _ in range(count)]


def test_layers_find_their_like_whatever_rotation_and_scale() -> None:
    own = _layers(0)
    generator = torch.Generator().manual_seed(9)
    turned = [3.0 * layer @ torch.linalg.qr(torch.randn(6, 6, generator=generator)).Q for layer in own]
    found = compare_models([_model("a", own), _model("b", [turned[0], turned[2], turned[1], turned[3]])], tiny.spec())
    best = {row.layer: row.value for row in select(found.rows, metric="models/best_layer", condition="")}
    assert best == {0: 0.0, 1: 2.0, 2: 1.0, 3: 3.0}
    for name in ("best_cka", "procrustes", "svcca", "pwcca"):
        assert all(row.value > 0.99 for row in select(found.rows, metric=f"models/{name}", condition="")), name
    # RSA centres each stimulus over its units, which a rotation of the units changes.
    assert all(row.value > 0.5 for row in select(found.rows, metric="models/rsa", condition=""))
    assert "not in one order" in found.sentences[0]


def test_unrelated_models_are_at_chance_and_svcca_shows_its_own() -> None:
    found = compare_models([_model("a", _layers(0)), _model("b", _layers(1))], tiny.spec())
    assert all(row.value < 0.12 for row in select(found.rows, metric="models/best_cka", condition=""))
    level = select(found.rows, metric="models/svcca", condition="chance")[0].value
    assert 0.05 < level < 0.5
    own = [row.value for row in select(found.rows, metric="models/svcca", condition="")]
    assert all(abs(value - level) < 0.1 for value in own)
    assert {one.kind for one in found.exhibits} == {"heatmap", "profiles"}  # type: ignore[attr-defined]


def test_a_model_without_states_is_said_to_be_left_out() -> None:
    bare = Probed(replace(result({}), model="b", kept={}))
    found = compare_models([_model("a", _layers(0)), bare], tiny.spec())
    assert found.rows == []
    assert "a and b were not compared layer by layer" in found.sentences[0]
