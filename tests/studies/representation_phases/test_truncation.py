from __future__ import annotations

import pytest
import torch

from geomem.errors import InputError
from geomem.runs.directory import Run
from geomem.spec import validate
from geomem.studies.checkpoints import open_adapter
from geomem.studies.evidence import Evidence
from geomem.studies.language_model import subject, text_task
from geomem.studies.representation_phases.truncation import RANDOM, truncated
from geomem.training.work import Work


@pytest.fixture(scope="module")
def work(phases_run: Run) -> Work:
    return validate(Work, Run.open(phases_run.path / "cells" / "truncation" / "truncation" / "seed-0").info.spec)


def test_the_output_layer_reads_a_part_of_its_input(work: Work) -> None:
    adapter = open_adapter(subject(work).folder, work)
    stream = adapter.run(text_task(work).windows["held_out"].batch(torch.arange(3)))
    assert adapter.unembedding is not None
    basis = torch.linalg.qr(torch.randn(16, 16, generator=torch.Generator().manual_seed(0))).Q
    mean = torch.linspace(-1, 1, 16)
    with torch.no_grad():
        clean, states = adapter.logits(stream), adapter.final(stream)
        for edit in ("keep", "remove"):
            along = (states - mean) @ basis[:, :5] @ basis[:, :5].T
            expected = mean + along if edit == "keep" else states - along
            with truncated(adapter, mean, basis[:, :5], edit):
                found = adapter.logits(stream)
            torch.testing.assert_close(found, expected @ adapter.unembedding.T, atol=1e-5, rtol=1e-4)
        with truncated(adapter, mean, basis, "keep"):
            torch.testing.assert_close(adapter.logits(stream), clean, atol=1e-5, rtol=1e-4)
        with truncated(adapter, mean, basis[:, :0], "remove"):
            assert torch.equal(adapter.logits(stream), clean)
        with truncated(adapter, mean, basis[:, :0], "keep"):
            constant = adapter.logits(stream)
        torch.testing.assert_close(constant, constant[:1, :1].expand_as(constant))
        assert torch.equal(adapter.logits(stream), clean), "nothing stays behind"


def test_a_model_without_an_output_layer_is_refused(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = open_adapter(subject(work).folder, work)
    monkeypatch.setattr(adapter, "output_layer", None)
    with pytest.raises(InputError, match="truncation: this gpt2 checkpoint has no output layer"):
        truncated(adapter, torch.zeros(16), torch.eye(16), "keep")


def test_the_run_has_a_loss_for_every_number_of_directions(phases_evidence: dict[str, Evidence]) -> None:
    evidence = phases_evidence["truncation"]
    ranks, kept = evidence.profile("truncation", 0, "keep/loss")
    assert ranks == [0, 2, 8]
    assert kept == sorted(kept, reverse=True), "the more directions the smaller the loss"
    removed = evidence.profile("truncation", 0, "remove/loss")[1]
    assert removed[0] == min(removed)
    assert evidence.profile("truncation", 0, "remove/loss", control=RANDOM)[1][0] == removed[0]
    assert evidence.measured("truncation", "truncation/width") == {0: 16}
