from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from geomem.errors import InputError
from geomem.models import MODELS
from geomem.spec import resolve
from geomem.tasks.specs import InWeightsEdgesSpec
from geomem.training.evidence import check_measurements, gather, measure_now, next_token_logits
from tests.training.settings import small

TASK = InWeightsEdgesSpec.model_validate({"graph": {"kind": "grid", "rows": 3, "columns": 3}}).build(0)
SIZE = TASK.vocabulary.size


def _model(kind: str, **changes: Any) -> Any:
    spec: Any = resolve(MODELS, {"kind": kind, "width": 8, **changes})
    return spec.build(SIZE, 0)


def test_tables_are_the_models_rows_of_nodes() -> None:
    model = _model("transformer", layers=1, heads=1, tied=False)
    found = gather(TASK, model, set())
    assert torch.equal(found["token_table"], model.embed_tokens.weight)
    assert torch.equal(found["embeddings"], model.embed_tokens.weight[:9])
    assert torch.equal(found["output_embeddings"], model.lm_head.weight[:9])
    assert not torch.equal(found["output_embeddings"], found["embeddings"])
    assert {"edges", "graph_edges", "num_nodes"} <= set(found)
    assert not {"edge_logits", "layer_weight"} & set(found)
    assert all(not value.requires_grad for value in found.values() if isinstance(value, torch.Tensor))


def test_only_a_single_linear_layer_is_a_stored_matrix() -> None:
    model = _model("tiny-nn")
    assert torch.equal(gather(TASK, model, set())["layer_weight"], model.linear.weight)


def test_logits_after_every_node_in_eval_mode() -> None:
    model = _model("transformer", layers=1, heads=1, dropout=0.5).train()
    found = gather(TASK, model, {"edge_logits"})["edge_logits"]
    assert model.training
    model.eval()
    expected = torch.cat(
        [model(input_ids=torch.tensor([[TASK.vocabulary.edge, node]])).logits[:, -1] for node in range(9)]
    )
    torch.testing.assert_close(found, expected.detach())


def test_modes_are_restored_module_by_module() -> None:
    model = _model("transformer", layers=1, heads=1, dropout=0.5).train()
    frozen: nn.Module = list(model.modules())[-1]
    frozen.eval()
    next_token_logits(model, TASK.edge_prefix_tokens())
    assert model.training
    assert not frozen.training


def test_logits_come_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    from geomem.training import evidence

    model = _model("tiny-nn")
    whole = next_token_logits(model, TASK.edge_prefix_tokens())
    monkeypatch.setattr(evidence, "_ROWS", 2)
    torch.testing.assert_close(next_token_logits(model, TASK.edge_prefix_tokens()), whole)


def test_measurements_are_checked_before_and_taken_now() -> None:
    model = _model("tiny-nn")
    names = ("cosine-level", "top-degree-recovery", "skewed-low-rank")
    check_measurements(names, TASK, model)
    found = measure_now(names, TASK, model)
    assert {name.split("/")[0] for name in found} == set(names)
    assert measure_now((), TASK, model) == {}
    with pytest.raises(InputError, match="measurement 'leaf-first-hop' needs 'paths'"):
        check_measurements(["leaf-first-hop"], TASK, model)
    with pytest.raises(InputError, match="needs 'layer_weight'"):
        check_measurements(["skewed-low-rank"], TASK, _model("transformer", layers=1, heads=1))


def test_a_table_of_logits_that_cannot_be_held_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from geomem.training import evidence

    spec: Any = small()
    task = spec.task.build(0)
    model = spec.model.build(task.vocabulary.size, 0)
    monkeypatch.setattr(evidence, "_LOGIT_BYTES", 1000)
    evidence.check_measurements(["cosine-level"], task, model)
    with pytest.raises(InputError, match=r"top-degree-recovery would hold \d+ GiB of logits for 17 nodes") as caught:
        evidence.check_measurements(["cosine-level", "top-degree-recovery"], task, model)
    assert "\n" not in str(caught.value)
