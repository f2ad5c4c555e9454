from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest
import torch

from geomem.batch import AnyBatch
from geomem.errors import InputError
from geomem.tasks import TASKS
from geomem.tasks.in_weights import InWeightsPath
from geomem.tasks.specs import InWeightsPathSpec


@pytest.fixture(scope="module")
def task() -> InWeightsPath:
    return InWeightsPathSpec.model_validate({"graph": {"kind": "path-star", "arms": 8, "length": 4}}).build(0)


def epoch(task: InWeightsPath, sizes: Mapping[str, int], seed: int = 0) -> list[dict[str, AnyBatch]]:
    return list(task.batches("train", torch.Generator().manual_seed(seed), sizes))


def test_an_epoch_sees_every_example(task: InWeightsPath):
    # 6 training paths in batches of 4 take 2 steps; 25 contexts in batches of 10 take 3.
    steps = epoch(task, {"edges": 10, "paths": 4})
    assert len(steps) == 3
    leaves = Counter(leaf for step in steps for leaf in step["paths"].tokens[:, 1].tolist())
    assert set(leaves) == set(task.paths[~task.held_out, -1].tolist())
    assert set(leaves.values()) == {2}
    sources = Counter(node for step in steps for node in step["edges"].tokens[:, 1].tolist())
    assert set(sources) == set(range(25))
    assert sum(sources.values()) == 30


def test_the_generator_decides_the_order(task: InWeightsPath):
    one, same, other = (epoch(task, {"paths": 3}, seed) for seed in (0, 0, 1))
    assert all(torch.equal(a["paths"].tokens, b["paths"].tokens) for a, b in zip(one, same, strict=True))
    assert not all(torch.equal(a["paths"].tokens, b["paths"].tokens) for a, b in zip(one, other, strict=True))


def test_only_named_streams_are_drawn(task: InWeightsPath):
    assert [set(step) for step in epoch(task, {"paths": 6})] == [{"paths"}]
    assert epoch(task, {}) == []


def test_bad_sizes_are_one_clear_line(task: InWeightsPath):
    with pytest.raises(InputError, match=r"no stream 'path'; choose from: edges, paths"):
        epoch(task, {"path": 3})
    with pytest.raises(InputError, match="at least 1, got 0"):
        epoch(task, {"paths": 0})


@pytest.mark.parametrize("name", list(TASKS))
def test_every_task_keeps_its_promises(name: str):
    spec = TASKS.get(name)()
    built = spec.build(0)  # type: ignore[attr-defined]
    assert built.name == name
    assert set(built.default_mix()) <= set(built.streams())
    assert sum(built.default_mix().values()) == pytest.approx(1)
    assert type(spec).model_validate_json(spec.model_dump_json()) == spec
