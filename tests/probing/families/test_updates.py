from __future__ import annotations

import pytest
import torch

from geomem.geometry.updates import update_norms
from geomem.probing.families.updates import Updates
from tests.probing import tiny


def test_the_battery_is_that_of_all_tokens_kept_whole() -> None:
    model = tiny.gpt2()
    reader = tiny.read(tiny.reader(model))
    assert any(isinstance(one, Updates) for one in reader.families)
    found = tiny.values(reader)
    with reader.adapter.record() as record:
        reader.adapter.run(reader.plan.windows.batch(reader.plan.chosen))
    streams, attention, mlp = (torch.stack(part) for part in (record.streams, record.attention, record.mlp))
    exact = update_norms(streams, attention, mlp, "after-attention")
    for name, values in exact.items():
        for layer in range(tiny.LAYERS):
            assert found[(f"updates/{name}", layer, "")] == pytest.approx(float(values[layer]), rel=1e-5, abs=1e-6), (
                name
            )
    assert found[("updates/update_ratio_largest", 0, "")] >= found[("updates/update_ratio", 0, "")]


def test_parts_that_a_model_does_not_tell_apart_are_absent() -> None:
    found = tiny.values(tiny.read(tiny.reader(tiny.bert())))
    assert ("updates/update_ratio", 0, "") in found
    assert ("updates/mlp_ratio", 0, "") not in found
