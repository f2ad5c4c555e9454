from __future__ import annotations

import pytest
import torch

from geomem.batch import IGNORE
from geomem.geometry.class_means import choose_classes, class_table
from geomem.geometry.collapse import collapse_report
from geomem.probing.families.collapse import Collapse
from geomem.probing.rows import Rows
from tests.probing import tiny


def test_classes_are_next_tokens_and_nc4_is_judged_on_tokens_outside_the_means() -> None:
    model = tiny.gpt2()
    reader = tiny.read(tiny.reader(model))
    family = next(one for one in reader.families if isinstance(one, Collapse))
    found, plan = tiny.values(reader), reader.plan
    text = plan.windows.batch(plan.chosen)
    with torch.no_grad():
        final = model.transformer(text).last_hidden_state
    targets = torch.cat([text[:, 1:], torch.full_like(text[:, :1], IGNORE)], dim=1)
    unseen = torch.zeros_like(targets, dtype=torch.bool)
    unseen[plan.sample[::2, 0], plan.sample[::2, 1]] = True
    used = (targets != IGNORE) & ~unseen
    table = class_table(final[used], targets[used], choose_classes(plan.next_counts))
    assert torch.equal(family.final.table().ids, table.ids)
    weight = model.lm_head.weight.detach()
    exact = collapse_report(table, weight[table.ids].double())
    for name in ("cdnv", "etf_error", "log_kernel", "dual_cosine", "norm_cov"):
        value = found[(f"collapse/{name}", tiny.LAYERS, "")]
        assert value == pytest.approx(exact[name].value, rel=1e-4, abs=1e-6), name
    hidden, own = final[unseen], weight[table.ids]
    nearest = torch.cdist(hidden.double(), table.means).argmin(1)
    linear = (hidden @ own.T).argmax(1)
    assert found[("collapse/nc4", tiny.LAYERS, "")] == pytest.approx(float((nearest == linear).double().mean()))


def test_too_little_text_is_said_and_leaves_the_family_out() -> None:
    reader = tiny.read(tiny.reader(settings=tiny.spec(max_tokens=32, batch_tokens=32)))
    rows = Rows("tiny")
    reader.results(rows)
    assert not any(row.metric.startswith("collapse/") for row in rows.rows)
    assert any("classes were seen often enough" in line for line in rows.lines)
