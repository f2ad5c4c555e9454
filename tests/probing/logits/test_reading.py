"""Reading on, a token at a time, gives what reading everything anew gives."""

from __future__ import annotations

import pytest
import torch

from geomem.errors import InputError
from geomem.models.adapters import adapt
from geomem.probing.logits.language import LanguageModel
from tests.models.adapters.checkpoints import build
from tests.probing.logits.test_language import anew, draw


@pytest.mark.parametrize("name", ["gpt2", "gemma3-sliding", "mamba", "geomem-mamba", "transformer"])
def test_reading_on_token_by_token(name: str) -> None:
    model = build(name)
    source = LanguageModel(adapt(model), batch_tokens=16)
    histories, extra = draw(5, 7), draw(5, 3, seed=9)
    reading = source.begin(histories)
    aside = reading.copy()
    for place in range(3):
        expected = torch.stack(
            [anew(model, row[None], [more[:place]])[0, 0] for row, more in zip(histories, extra, strict=True)]
        )
        torch.testing.assert_close(reading.logits().double(), expected, atol=1e-4, rtol=0)
        reading.read(extra[:, place])
    aside.read(extra[:, 2])
    expected = torch.stack(
        [anew(model, row[None], [more[2:]])[0, 0] for row, more in zip(histories, extra, strict=True)]
    )
    torch.testing.assert_close(aside.logits().double(), expected, atol=1e-4, rtol=0)


def test_what_cannot_be_read_is_one_line_and_changes_nothing() -> None:
    source = LanguageModel(adapt(build("gpt2")), batch_tokens=70)
    full = source.begin(draw(2, 64))
    with pytest.raises(InputError, match="a history of 64 tokens with 1 more is longer than the model's context of 64"):
        full.read(draw(2))
    reading = source.begin(draw(3, 30))
    before = reading.logits()
    with pytest.raises(InputError, match="token 50, outside the model's vocabulary of 50"):
        reading.read(torch.tensor([3, 4, 50]))
    assert torch.equal(reading.logits(), before)
    assert [part.tokens.shape[1] for part in reading.parts] == [30, 30]
