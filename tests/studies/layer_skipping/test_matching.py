from __future__ import annotations

from pathlib import Path

import pytest
import torch

from geomem.batch import IGNORE
from geomem.models.adapters import adapt
from geomem.models.specs import TransformerSpec
from geomem.studies.layer_skipping.matching import Checkpoint, Cloze, match, score_checkpoints
from geomem.tasks.specs import ClozeSpec
from tests.texts.samples import pages


def checkpoints(*accuracies: float) -> list[Checkpoint]:
    return [
        Checkpoint(10 * number, Path(str(number)), torch.tensor([[1.0, 100 * accuracy, 100.0]]))
        for number, accuracy in enumerate(accuracies)
    ]


def test_the_abler_network_is_taken_where_it_was_as_able_as_the_other() -> None:
    weak, able = checkpoints(0.0, 0.1, 0.2), checkpoints(0.05, 0.19, 0.22, 0.3)
    assert [one.step for one in match(weak, able)] == [20, 10]
    assert [one.step for one in match(able, weak)] == [10, 20]
    assert [one.step for one in match(weak, weak)] == [20, 20]
    assert [one.accuracy for one in match(weak, able)] == pytest.approx([0.2, 0.19])


def test_a_network_that_never_was_so_weak_is_taken_where_it_was_weakest() -> None:
    assert [one.step for one in match(checkpoints(0.01), checkpoints(0.2, 0.3))] == [0, 0]


@pytest.fixture(scope="module")
def cloze(tmp_path_factory: pytest.TempPathFactory) -> Cloze:
    file = tmp_path_factory.mktemp("text") / "pages.txt"
    file.write_text(pages()[:20_000], encoding="utf-8")
    return Cloze.of(ClozeSpec(text=str(file), context=16, vocabulary=300, score_tokens=320).build(0), 256)


def test_both_networks_are_asked_for_the_same_tokens(cloze: Cloze, tmp_path: Path) -> None:
    asked = cloze.labels != IGNORE
    assert torch.equal(cloze.tokens[asked], cloze.labels[asked])
    assert not (cloze.tokens == cloze.mask).any()
    for causal in (True, False):
        model = TransformerSpec(width=16, heads=2, causal=causal, initialisation="fan-in").build(301, 0).eval()
        adapter = adapt(model)
        shown = cloze.shown_to(adapter)
        assert torch.equal(shown == cloze.mask, asked if not causal else torch.zeros_like(asked))
        model.save_pretrained(tmp_path / str(causal))
        (found,) = score_checkpoints([(7, tmp_path / str(causal))], cloze)
        with torch.no_grad():
            logits = model(input_ids=shown).logits
        answers = torch.cat([logits[:, :1] * 0, logits[:, :-1]], 1) if causal else logits
        losses = torch.nn.functional.cross_entropy(answers[asked], cloze.labels[asked])
        assert float(found.scores[:, 0].sum() / found.scores[:, 2].sum()) == pytest.approx(float(losses), rel=1e-5)
        rows = found.ability("one", 0)
        assert rows.value("match/accuracy") == pytest.approx(found.accuracy)
        assert rows.value("match/step") == 7
