from __future__ import annotations

import pytest
import torch

from geomem.decoding.growing import Cached, Padded, grow, ragged_logits
from tests.decoding.slot_models import NAMES, build, logits_at_end


@pytest.mark.parametrize("name", NAMES)
def test_rows_that_grow_apart_are_read_as_if_alone(name: str) -> None:
    model = build(name)
    rows = [[1, 2, 3], [4, 5, 6]]
    with torch.no_grad():
        growing, logits = grow(model, torch.tensor(rows), torch.arange(3))
        assert isinstance(growing, Cached if name in ("transformer", "rotary", "gpt2", "llama") else Padded)
        places = [[0, 1, 2], [0, 1, 2]]
        compare(model, rows, places, logits, [0, 1])
        for tokens, who, position in (
            ([7, 8], [0], 2), ([9, 1], [0, 1], 3), ([2, 3], [1], 3), ([4, 5], [1], 3), ([6, 7], [0, 1], 4),
        ):  # fmt: skip
            taking = torch.tensor([row in who for row in range(2)])
            logits = growing.append(torch.tensor(tokens), taking, position)
            for row in who:
                rows[row], places[row] = [*rows[row], tokens[row]], [*places[row], position]
            compare(model, rows, places, logits, who)


def compare(model: object, rows: list[list[int]], places: list[list[int]], logits: torch.Tensor, who: list[int]):
    for row in who:
        torch.testing.assert_close(logits[row], logits_at_end(model, rows[row], places[row]), rtol=1e-4, atol=1e-5)


def test_logits_at_other_places_in_each_row() -> None:
    model = build("bag")
    tokens = torch.randint(10, (3, 6))
    places = torch.tensor([[0, 2], [1, 2], [4, 0]])
    found = ragged_logits(model, tokens, torch.arange(6).expand(3, -1), places)
    whole = model(input_ids=tokens).logits
    assert torch.allclose(found, whole.gather(1, places[..., None].expand(-1, -1, whole.shape[-1])))
