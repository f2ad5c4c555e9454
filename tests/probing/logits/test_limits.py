"""What is refused before a model is asked to read it."""

from __future__ import annotations

import pytest
import torch

from geomem.errors import InputError
from geomem.models.adapters import adapt
from geomem.probing.logits.language import LanguageModel
from geomem.probing.logits.limits import check_tokens
from tests.models.adapters.checkpoints import build
from tests.probing.logits.test_language import anew, draw, futures


def test_tokens_outside_the_vocabulary_are_named() -> None:
    check_tokens(torch.tensor([[0, 49]]), 50)
    for odd in (50, -1):
        with pytest.raises(InputError, match=f"token {odd}, outside the model's vocabulary of 50"):
            check_tokens(torch.tensor([[7, odd]]), 50)


def test_positions_that_change_on_the_way_are_refused() -> None:
    source = LanguageModel(adapt(build("longrope")))
    line = "a history of 13 tokens with 4 more goes beyond 16 tokens, where phi3 turns to other positions"
    with pytest.raises(InputError, match=line):
        source.matrix(draw(2, 13), [draw(1), draw(4)])
    reading = source.begin(draw(2, 15))
    reading.read(draw(2))
    with pytest.raises(InputError, match="16 tokens with 1 more goes beyond 16 tokens"):
        reading.read(draw(2))
    histories, after = draw(2, 17), futures()
    expected = anew(source.model, histories, after)
    torch.testing.assert_close(source.matrix(histories, after).values.double(), expected, atol=1e-4, rtol=0)
