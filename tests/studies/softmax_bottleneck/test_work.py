from __future__ import annotations

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from geomem.geometry.softmax_rank import log_rank
from geomem.models.adapters import adapt
from geomem.probing.rows import Rows
from geomem.studies.softmax_bottleneck.language import measure
from geomem.studies.softmax_bottleneck.work import gaussian_target


def test_targets_have_the_rank_and_the_spread_that_they_are_asked_for() -> None:
    target = gaussian_target(3000, 20, 4, 2.0, seed=0)
    assert log_rank(target.log()).rank == 4
    torch.testing.assert_close(target.sum(1), torch.ones(3000, dtype=torch.float64))
    logits = target.log() - target.log().mean(1, keepdim=True)
    assert float(logits.std()) == pytest.approx(2.0, rel=0.25)
    assert not torch.equal(gaussian_target(5, 4, 2, 2.0, 0), gaussian_target(5, 4, 2, 2.0, 1))


def _measured(model: torch.nn.Module, contexts: int = 120) -> dict[str, float]:
    rows = Rows("")
    tokens = torch.randint(50, (40, 12), generator=torch.Generator().manual_seed(0))
    measure(adapt(model), tokens, contexts, rows)  # type: ignore[arg-type]
    return {row.metric.removeprefix("model/"): row.value for row in rows.rows}


@pytest.mark.parametrize("width", [8, 64])
def test_the_rank_is_the_least_of_dimension_and_vocabulary_less_one(width: int) -> None:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=50, hidden_size=width, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        tie_word_embeddings=False,
    )  # fmt: skip
    found = _measured(LlamaForCausalLM(config).eval())
    assert found["rank"] == found["most"] == min(width, 49)
    assert found["plain_rank"] == found["plain_most"] == min(width + 1, 50)
    assert found["contexts"] == 120
    assert found["layer_error"] < 1e-5


def test_few_contexts_bound_the_rank_too() -> None:
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=32, n_layer=1, n_head=2, n_positions=16)).eval()
    assert _measured(model, contexts=10)["most"] == 10
