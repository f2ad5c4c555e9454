"""What a cache shared by many futures gives is what reading every pair anew gives, in every family."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.models.adapters import adapt
from geomem.probing.logits.language import LanguageModel
from tests.models.adapters.checkpoints import CAUSAL, OWN, VOCAB, build

FAMILIES = [
    *CAUSAL,
    *("cohere", "granite", "jamba", "longrope", "mamba2", "mixtral", "recurrent-gemma", "rwkv"),
    *OWN,
]
ANEW = {"geomem-mamba", "geomem-mamba-bare", "mlp-only", "tiny-nn", "rwkv", "recurrent-gemma"}
"""Models that keep no cache, or none whose branches give the same."""


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randint(1, VOCAB, shape, generator=torch.Generator().manual_seed(seed))


def futures() -> list[Tensor]:
    """Futures of several lengths: the empty one, one twice, and two that begin another."""
    long = draw(6, seed=1)
    return [
        torch.empty(0, dtype=torch.int64),
        long[:2],
        draw(3, seed=2),
        long,
        long[:2],
        draw(1, seed=3),
        draw(6, seed=4),
    ]


def anew(model: Any, histories: Tensor, after: list[Tensor]) -> Tensor:
    """Return centred log-probabilities (n, F, V) as a user of transformers takes them, a pair at a time."""
    rows = []
    with torch.no_grad():
        for history in histories:
            logits = [model(input_ids=torch.cat([history, one])[None]).logits[0, -1] for one in after]
            rows.append(torch.log_softmax(torch.stack(logits).double(), -1))
    found = torch.stack(rows)
    return found - found.mean(-1, keepdim=True)


@pytest.mark.parametrize("name", FAMILIES)
def test_equals_reading_every_pair_anew(name: str) -> None:
    model = build(name)
    source = LanguageModel(adapt(model), batch_tokens=16)
    histories, after = draw(5, 7), futures()
    expected = anew(model, histories, after)
    found = source.matrix(histories, after)
    torch.testing.assert_close(found.values.double(), expected, atol=1e-4, rtol=0)
    assert source.cached == (name not in ANEW)
    assert bool(source.note) == (name in ANEW)
    few = source.matrix(histories, after, tokens=4)
    top = expected.mean(0).topk(4).indices.sort(1).values
    assert few.columns.tolist() == top.tolist()
    torch.testing.assert_close(few.values.double(), expected.gather(2, top.expand(5, -1, -1)), atol=1e-4, rtol=0)
    same = source.matrix(histories[:2], after, columns=few.columns)
    torch.testing.assert_close(same.values, few.values[:2], atol=1e-5, rtol=0)


def test_bad_input_is_one_line() -> None:
    source = LanguageModel(adapt(build("gpt2")))
    with pytest.raises(InputError, match="token 50, outside the model's vocabulary of 50"):
        source.begin(torch.tensor([[1, 50]]))
    with pytest.raises(InputError, match="62 tokens with 3 more is longer than the model's context of 64"):
        source.matrix(draw(1, 62), [draw(3)])
    with pytest.raises(InputError, match="a future has a token outside"):
        source.matrix(draw(1, 6), [torch.tensor([3, 77])])
    with pytest.raises(InputError, match="half precision"):
        LanguageModel(adapt(build("gpt2").half()))
    with pytest.raises(InputError, match="masked tokens"):
        LanguageModel(adapt(build("bert")))


def test_a_model_that_sees_what_follows_is_refused() -> None:
    with pytest.raises(InputError, match="xlnet: sees the tokens that follow"):
        LanguageModel(adapt(build("xlnet")))


def test_a_cache_that_lies_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    from geomem.probing.logits import language

    model = build("llama")
    honest = language.branch
    monkeypatch.setattr(language, "branch", lambda cache, row, count: honest(cache, 0, count))
    source = LanguageModel(adapt(model))
    assert not source.cached
    assert "read anew" in source.note
    histories, after = draw(3, 5), futures()
    torch.testing.assert_close(
        source.matrix(histories, after).values.double(), anew(model, histories, after), atol=1e-4, rtol=0
    )


def test_weights_are_left_alone() -> None:
    model = build("llama")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    LanguageModel(adapt(model)).matrix(draw(2, 4), futures())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model(input_ids=draw(1, 3)).logits.shape == (1, 3, VOCAB)
