from __future__ import annotations

import pytest
import torch

from geomem.probing.families.lens import Lens
from tests.probing import tiny


def test_the_lens_looks_through_final_norm_and_output_layer() -> None:
    model = tiny.gpt2()
    reader = tiny.read(tiny.reader(model))
    assert any(isinstance(one, Lens) for one in reader.families)
    found, sample = tiny.values(reader), reader.store.sample()
    with torch.no_grad():
        logs = [model.lm_head(model.transformer.ln_f(stream)).log_softmax(-1) for stream in sample.streams]
    for layer, own in enumerate(logs):
        kl = (own.exp() * (own - logs[-1])).sum(-1).mean()
        loss = -own.gather(1, sample.targets[:, None]).mean()
        assert found[("lens/kl", layer, "")] == pytest.approx(float(kl), rel=1e-4, abs=1e-6)
        assert found[("lens/loss", layer, "")] == pytest.approx(float(loss), rel=1e-5)
    counts = reader.plan.next_counts.double() + 1
    unigram = -(counts / counts.sum()).log()[sample.targets].mean()
    assert found[("model/loss", None, "chance")] == pytest.approx(float(unigram))


def test_a_masked_model_has_a_lens_but_no_loss() -> None:
    found = tiny.values(tiny.read(tiny.reader(tiny.bert())))
    assert ("lens/kl", 1, "") in found
    assert ("lens/loss", 1, "") not in found
