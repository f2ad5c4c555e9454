from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from geomem.errors import InputError
from geomem.spec import validate
from geomem.training.spec import TrainSpec, load_spec, set_key
from tests.training.settings import SMALL, small


def test_spec_goes_to_json_and_back() -> None:
    spec = small(measure=["cosine-level"])
    assert TrainSpec.model_validate(spec.model_dump(mode="json")) == spec


def test_yaml_file_with_overrides(tmp_path: Path) -> None:
    file = tmp_path / "e.yaml"
    file.write_text(yaml.safe_dump(SMALL))
    spec = load_spec(file, ["model.width=32", "stages.1.optimizer.lr=0.5", "seed=4", "task.graph.arms=9"])
    assert spec.model.model_dump()["width"] == 32
    assert spec.stages[1].optimizer.lr == 0.5
    assert spec.seed == 4


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"model": "transformr"}, "unknown model 'transformr'; did you mean 'transformer'?"),
        ({"task": "in-weight-path"}, "unknown task 'in-weight-path'; did you mean 'in-weights-path'?"),
        ({"model": {"kind": "transformer", "widht": 3}}, "widht: unknown key; did you mean 'width'?"),
        ({"model": {"kind": "transformer", "width": "wide"}}, "width"),
        ({"model": {"width": 3}}, "missing 'kind'"),
        ({"stages": []}, "stages"),
        ({"stages": [{"steps": 0}]}, "stages.0.steps: input should be greater than or equal to 1, got 0"),
        ({"stages": [{"stpes": 5, "steps": 1}]}, "stages.0.stpes: unknown key; did you mean 'steps'?"),
        ({"stages": [{"steps": 5, "optimizer": {"lrr": 5}}]}, "optimizer.lrr: unknown key; did you mean 'lr'?"),
        ({"stages": [{"steps": 5, "mix": {"edges": -1}}]}, "shares must be at least 0"),
        ({"stages": [{"steps": 5, "batch": {"edges": 0}}]}, "a batch holds at least 1 example, got 0"),
        ({"measure": ["cosine-levl"]}, "unknown measurement 'cosine-levl'; did you mean 'cosine-level'?"),
        ({"sed": 3}, "sed: unknown key; did you mean 'seed'?"),
        ({"seed": -1}, "seed: input should be greater than or equal to 0, got -1"),
        ({"stop": {"metric": "x"}}, "give exactly one of at_least and at_most"),
        (
            {"task": {"kind": "in-weights-edges", "graph": "path-str"}},
            "unknown graph 'path-str'; did you mean 'path-star'?",
        ),
    ],
)
def test_each_mistake_is_one_clear_line(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        validate(TrainSpec, {**SMALL, **change})
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_mistakes_are_two_lines() -> None:
    with pytest.raises(InputError) as caught:
        validate(TrainSpec, {**SMALL, "seed": -1, "sed": 2})
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("noequals", "expected key=value"),
        ("=3", "expected key=value"),
        ("seed.deeper=3", "seed is the value 0"),
        ("stages.9.steps=3", "expected a number from 0 to 1, got '9'"),
        ("stages.first.steps=3", "expected a number from 0 to 1, got 'first'"),
        ("seed=[", "not valid YAML"),
    ],
)
def test_bad_overrides(override: str, expected: str) -> None:
    data = yaml.safe_load(yaml.safe_dump({**SMALL, "seed": 0}))
    with pytest.raises(InputError) as caught:
        set_key(data, override)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"\xff\xfe", "not UTF-8"), (b"a: [", "not valid YAML"), (b"- 1", "expected settings"), (None, "no such file")],
)
def test_bad_files(tmp_path: Path, content: bytes | None, expected: str) -> None:
    file = tmp_path / "e.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_spec(file, [])
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_string_part_can_still_be_set() -> None:
    data: dict[str, Any] = {"model": "transformer"}
    set_key(data, "model.width=8")
    assert data == {"model": {"kind": "transformer", "width": 8}}


def test_steps_that_leave_a_checkpoint() -> None:
    assert validate(TrainSpec, {**SMALL, "keep_at": [30, 0, 12]}).kept == (0, 12, 30)
    spec = validate(TrainSpec, {**SMALL, "keep_at": "log:3"})
    assert spec.kept == (0, 1, 5, 30)
    assert TrainSpec.model_validate(spec.model_dump(mode="json")) == spec
    assert validate(TrainSpec, SMALL).kept == ()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({**SMALL, "keep_at": [31]}, "keep_at: step 31 is outside 0..30"),
        ({**SMALL, "keep_at": "log"}, "keep_at: expected a list of steps or 'log:N'"),
        ({"task": "in-weights-edges", "model": "node2vec", "keep_at": [1]}, "keep_at: a word-vector model leaves its"),
    ],
)
def test_checkpoints_that_cannot_be(settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        validate(TrainSpec, settings)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
