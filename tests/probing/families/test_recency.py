from __future__ import annotations

import pytest
import torch

from geomem.probing.families.recency import Recency
from geomem.probing.plan import make_plan
from geomem.probing.reader import Reader
from geomem.probing.rows import Rows
from geomem.texts.windows import Windows
from tests.probing import tiny


def test_recency_is_the_difference_of_mean_cosines_at_two_lags() -> None:
    model = tiny.gpt2()
    reader = tiny.read(tiny.reader(model))
    assert any(isinstance(one, Recency) for one in reader.families)
    found, state = tiny.values(reader), tiny.states(model, reader)[1]
    cosine = torch.nn.functional.cosine_similarity
    near = cosine(state[:, 16:], state[:, 15:-1], dim=-1).mean()
    far = cosine(state[:, 16:], state[:, :-16], dim=-1).mean()
    assert found[("recency/raw", 1, "")] == pytest.approx(float(near - far), rel=1e-4, abs=1e-5)
    assert found[("recency/raw", 1, "chance")] == 0


def test_windows_too_short_for_the_lag_are_said() -> None:
    settings = tiny.spec(context=16, batch_tokens=64)
    subject = tiny.subject()
    plan = make_plan(Windows(tiny.tokens(), 16), tiny.VOCABULARY, settings)
    short = Reader(subject.adapter, subject.shape, settings, plan)
    rows = Rows("tiny")
    tiny.read(short).results(rows)
    assert any("recency: windows of 16 tokens are too short to look 16 back" in line for line in rows.lines)
