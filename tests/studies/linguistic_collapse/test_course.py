from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from geomem.models.hub import open_checkpoint
from geomem.runs.tables import select
from geomem.studies.checkpoints import open_adapter
from geomem.studies.evidence import Evidence
from geomem.studies.language_model import subject
from geomem.studies.linguistic_collapse.classes import NEXT_TOKEN, SUPPORT, material
from geomem.studies.linguistic_collapse.course import LOSS, class_tables, numbers_at, run_course
from geomem.studies.linguistic_collapse.settings import SMOKE
from geomem.training.progress import silent
from geomem.training.work import Work


def hidden_of(model: Any, tokens: torch.Tensor) -> Any:
    """What the output layer reads, (n, d), at all places with a next token."""
    with torch.no_grad():
        return model(tokens, output_hidden_states=True).hidden_states[-1][:, :-1].flatten(0, 1).double().numpy()


def test_numbers_are_those_of_a_plain_computation(collapse_work: Work) -> None:
    folder = subject(collapse_work).series[-1][1]
    adapter = open_adapter(folder, collapse_work)
    read = material(collapse_work, adapter)
    rows = {(row.metric, row.condition): row.value for row in numbers_at(adapter, read, 40)}
    model: Any = open_checkpoint(folder)
    states, labels = hidden_of(model, read.train), read.train[:, 1:].flatten().numpy()
    ids = read.groupings[NEXT_TOKEN].ids.tolist()
    means = np.stack([states[labels == one].mean(0) for one in ids])
    spread = np.array(
        [((states[labels == one] - mean) ** 2).sum(1).mean() for one, mean in zip(ids, means, strict=True)]
    )
    pairs = [(spread[a] + spread[b]) / 2 / ((means[a] - means[b]) ** 2).sum()
             for a in range(len(ids)) for b in range(a)]  # fmt: skip
    assert rows[f"{NEXT_TOKEN}/cdnv", ""] == pytest.approx(np.mean(pairs), rel=1e-4)
    weight = model.get_output_embeddings().weight.detach().double().numpy()[ids]
    centred = means - means.mean(0)
    cosines = (weight * centred).sum(1) / np.linalg.norm(weight, axis=1) / np.linalg.norm(centred, axis=1)
    assert rows[f"{NEXT_TOKEN}/dual_cosine", ""] == pytest.approx(cosines.mean(), abs=1e-5)
    unseen = hidden_of(model, read.held_out)
    nearest = ((unseen[:, None] - means) ** 2).sum(2).argmin(1)
    assert rows[f"{NEXT_TOKEN}/nc4", ""] == pytest.approx((nearest == (unseen @ weight.T).argmax(1)).mean(), abs=2e-3)
    with torch.no_grad():
        logs = model(read.held_out).logits.log_softmax(-1)[:, :-1].gather(-1, read.held_out[:, 1:, None])
    assert rows[LOSS, ""] == pytest.approx(-float(logs.mean()), rel=1e-5)
    assert rows[f"{NEXT_TOKEN}/classes", ""] == len(ids)
    assert rows[f"{NEXT_TOKEN}/cdnv", "chance"] > 0
    assert f"{SUPPORT}/nc4" not in {metric for metric, _ in rows}


def test_support_classes_have_means_of_their_own(collapse_work: Work) -> None:
    adapter = open_adapter(subject(collapse_work).folder, collapse_work)
    read = material(collapse_work, adapter)
    table = class_tables(adapter, read)[SUPPORT]
    states = hidden_of(open_checkpoint(subject(collapse_work).folder), read.train)
    labels = read.groupings[SUPPORT].labels.flatten().numpy()
    for place, one in enumerate(table.ids.tolist()[:5]):
        np.testing.assert_allclose(table.means[place].numpy(), states[labels == one].mean(0), atol=1e-5)
        assert int(table.counts[place]) == (labels == one).sum() >= 5


def test_a_model_alone_is_shown_beside_its_untrained_twin(collapse_work: Work) -> None:
    told = {**collapse_work.settings, "model": str(subject(collapse_work).folder)}
    alone = collapse_work.model_copy(update={"settings": told, "needs": {}})
    rows = list(run_course(alone, None, silent).rows)  # pyright: ignore[reportArgumentType]
    assert {row.step for row in rows} == {None}
    trained, untrained = (select(rows, metric=LOSS, condition=name)[0].value for name in ("", "untrained"))
    assert trained < untrained - 0.3
    assert untrained == pytest.approx(math.log(300), rel=0.05)
    assert {row.condition for row in rows} == {"", "untrained", "chance"}
    assert len(select(rows, metric=f"{NEXT_TOKEN}/cdnv", condition="chance")) == 1


def test_the_run_measured_every_checkpoint(collapse_evidence: dict[str, Evidence]) -> None:
    steps, values = collapse_evidence["training"].series("course", 0, f"{NEXT_TOKEN}/cdnv")
    assert tuple(steps) == SMOKE.lm.kept
    assert all(value > 0 for value in values)
    assert collapse_evidence["training"].series("course", 0, f"{SUPPORT}/cdnv")[0] == steps
