from __future__ import annotations

import pytest
import torch

from geomem.batch import IGNORE, Batch, answer_batch
from geomem.decoding.reader import Autoregressive, Reversed
from geomem.tasks.made import MadeStream, score_labels
from tests.causal import Bag


def test_a_stream_makes_what_is_asked_for() -> None:
    stream = MadeStream(5, lambda index: answer_batch(index[:, None], index[:, None] + 1))
    assert stream.full().tokens.tolist() == [[0, 1], [1, 2], [2, 3], [3, 4], [4, 5]]
    assert stream.batch(torch.tensor([3, 0])).tokens.tolist() == [[3, 4], [0, 1]]
    assert stream.to("cpu") is stream


@pytest.mark.parametrize("scattered", [False, True])
def test_hits_and_losses_are_those_of_a_loop(scattered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geomem.tasks.scoring.MOST_ROWS", 2)
    model = Bag(8)
    tokens = torch.randint(8, (5, 6))
    columns = [2, 5] if scattered else [4, 5]
    labels = torch.full_like(tokens, IGNORE)
    labels[:, columns] = tokens[:, columns]
    hits, losses = score_labels(model, Batch(tokens, labels), Autoregressive(8), "cpu")
    logits = model(input_ids=tokens).logits.detach()
    for row in range(5):
        for place, column in enumerate(columns):
            at, true = logits[row, column - 1], tokens[row, column]
            assert bool(hits[row, place]) == (int(at.argmax()) == int(true))
            assert float(losses[row, place]) == pytest.approx(float(-at.log_softmax(0)[true]), rel=1e-5)


def test_the_reader_is_asked() -> None:
    batch = answer_batch(torch.tensor([[1, 2]]), torch.tensor([[3, 4]]))
    plain, turned = (
        score_labels(Bag(8), batch, reader, "cpu")[1] for reader in (Autoregressive(8), Reversed(Autoregressive(8)))
    )
    assert not torch.allclose(plain, turned)
