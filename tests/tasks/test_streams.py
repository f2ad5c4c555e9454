from __future__ import annotations

import pytest
import torch

from geomem.batch import IGNORE
from geomem.contexts.matrix import ContextMatrix
from geomem.tasks.streams import ContextStream, SequenceStream

TOKENS = torch.arange(12).view(4, 3)
LABELS = torch.where(torch.arange(3) < 2, IGNORE, TOKENS)


def test_a_batch_is_the_chosen_rows_in_order():
    stream = SequenceStream(TOKENS, LABELS)
    batch = stream.batch(torch.tensor([2, 0, 2]))
    assert batch.tokens.tolist() == TOKENS[[2, 0, 2]].tolist()
    assert batch.labels.tolist() == LABELS[[2, 0, 2]].tolist()
    assert (stream.size, batch.columns) == (4, 1)
    assert batch.index is not None
    assert batch.index.tolist() == [2, 0, 2]


def test_the_full_batch_is_every_row():
    stream = SequenceStream(TOKENS, LABELS)
    whole, sliced = stream.full(), stream.batch(torch.arange(4))
    assert torch.equal(whole.tokens, sliced.tokens)
    assert torch.equal(whole.labels, sliced.labels)
    matrix = ContextMatrix.from_pairs(TOKENS[:, :2], TOKENS[:, 2])
    contexts = ContextStream(matrix)
    assert contexts.size == 4
    assert torch.equal(contexts.full().targets, contexts.batch(torch.arange(4)).targets)


def test_streams_move():
    assert SequenceStream(TOKENS, LABELS).to("cpu").full().tokens.tolist() == TOKENS.tolist()
    matrix = ContextMatrix.from_pairs(TOKENS[:, :2], TOKENS[:, 2])
    assert ContextStream(matrix).to("meta").matrix.contexts.device.type == "meta"


@pytest.mark.parametrize("labels", [LABELS[:, :2], LABELS[0]])
def test_shapes_must_agree(labels: torch.Tensor):
    with pytest.raises(ValueError, match="must be one"):
        SequenceStream(TOKENS, labels)
