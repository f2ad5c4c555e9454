from __future__ import annotations

from collections import Counter

import pytest
import torch

from geomem.batch import IGNORE, Batch, ContextBatch, labelled_columns, random_places


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([[IGNORE, IGNORE, 3], [IGNORE, IGNORE, 4]], 1),
        ([[IGNORE, 1, 3], [IGNORE, IGNORE, 4]], 2),
        ([[IGNORE, 1, IGNORE], [IGNORE, IGNORE, IGNORE]], [1]),
        ([[7, IGNORE, IGNORE, 2], [IGNORE, 5, IGNORE, IGNORE]], [1, 3]),
    ],
)
def test_labelled_columns(labels: list[list[int]], expected: int | list[int]):
    found = labelled_columns(torch.tensor(labels))
    assert (found.tolist() if isinstance(found, torch.Tensor) else found) == expected


def test_labels_that_never_count_are_refused():
    with pytest.raises(ValueError, match="no column"):
        labelled_columns(torch.tensor([[3, IGNORE]]))


def test_moving_a_batch_moves_every_part():
    tokens = torch.tensor([[1, 2, 3]])
    batch = Batch(tokens, tokens, torch.ones(1, 3), columns=torch.tensor([1]), index=torch.tensor([4])).to("meta")
    assert {batch.tokens.device.type, batch.labels.device.type, batch.columns.device.type} == {"meta"}  # type: ignore[union-attr]
    assert batch.weights is not None
    assert batch.weights.device.type == "meta"
    assert batch.index is not None
    assert batch.index.device.type == "meta"
    one = torch.zeros(1, dtype=torch.int64)
    moved = ContextBatch(tokens, one.float(), one, one, one.float()).to("meta")
    assert {part.device.type for part in vars(moved).values()} == {"meta"}
    assert moved.examples == 1


def test_random_places_are_allowed_and_as_many_as_asked():
    generator = torch.Generator().manual_seed(0)
    allowed = torch.rand(50, 9, generator=generator) < 0.6
    counts = (allowed.sum(1) * torch.rand(50, generator=generator)).long()
    chosen = random_places(allowed, counts, generator)
    assert torch.equal(chosen.sum(1), counts)
    assert not (chosen & ~allowed).any()
    again = random_places(allowed, counts, torch.Generator().manual_seed(3))
    assert torch.equal(again, random_places(allowed, counts, torch.Generator().manual_seed(3)))


def test_every_choice_of_places_is_equally_likely():
    allowed = torch.tensor([True, False, True, True, True]).expand(6000, -1)
    chosen = random_places(allowed, torch.full((6000,), 2), torch.Generator().manual_seed(0))
    pairs = Counter(tuple(row.nonzero().flatten().tolist()) for row in chosen)
    assert len(pairs) == 6
    # Six pairs, 1000 each: five standard deviations are 144.
    assert all(abs(count - 1000) < 144 for count in pairs.values())
