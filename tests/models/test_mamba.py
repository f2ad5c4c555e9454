"""Mamba against transformers' implementation with the same weights, and its switches."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import MambaConfig, MambaForCausalLM

from geomem.models.architectures import silence_kernel_notes
from geomem.models.configs import GeomemMambaConfig
from geomem.models.mamba import GeomemMambaForCausalLM
from geomem.models.mixer import selective_scan
from geomem.models.specs import MambaSpec

VOCAB = 30


def build(seed: int = 0, **settings: Any) -> GeomemMambaForCausalLM:
    model = MambaSpec(**{"width": 24, **settings}).build(VOCAB, seed)
    assert isinstance(model, GeomemMambaForCausalLM)
    return model.eval()


def tokens(length: int = 6) -> torch.Tensor:
    return torch.randint(0, VOCAB, (5, length), generator=torch.Generator().manual_seed(length))


def twins(**settings: Any) -> tuple[GeomemMambaForCausalLM, MambaForCausalLM]:
    silence_kernel_notes()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = MambaConfig(
            vocab_size=VOCAB, hidden_size=24, num_hidden_layers=2, state_size=settings.get("state", 16),
            conv_kernel=settings.get("convolution", 4), expand=settings.get("expand", 2),
        )  # fmt: skip
        theirs = MambaForCausalLM(config).eval()
    ours = build(**settings)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return ours, theirs


@pytest.mark.parametrize("length", [1, 2, 3, 6, 11])
@pytest.mark.parametrize("settings", [{}, {"state": 5, "convolution": 3, "expand": 4}], ids=str)
def test_equals_transformers(length: int, settings: dict[str, int]) -> None:
    ours, theirs = twins(**settings)
    ids = tokens(length)
    torch.testing.assert_close(ours(input_ids=ids).logits, theirs(input_ids=ids).logits, atol=1e-5, rtol=1e-5)


def test_gradients_equal_transformers() -> None:
    ours, theirs = twins()
    ids = tokens()
    ours(input_ids=ids, labels=ids).loss.backward()
    theirs(input_ids=ids, labels=ids).loss.backward()
    others = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, others[name].grad, atol=1e-5, rtol=1e-4, msg=name)


def test_padding_equals_transformers() -> None:
    ours, theirs = twins()
    ids, mask = tokens(), torch.ones(5, 6, dtype=torch.int64)
    mask[:2, :3] = 0
    a, b = ours(input_ids=ids, attention_mask=mask).logits, theirs(input_ids=ids, attention_mask=mask).logits
    torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(a, ours(input_ids=ids).logits)


def test_scan_is_the_recurrence_and_its_gradient_is_right() -> None:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64).requires_grad_()

    dt, u, a, b, c = draw(2, 4, 3), draw(2, 4, 3), draw(3, 2), draw(2, 4, 2), draw(2, 4, 2)
    out = selective_scan(dt, u, -a, b, c)
    for row in range(2):
        for channel in range(3):
            state = torch.zeros(2, dtype=torch.float64)
            for t in range(4):
                step = dt[row, t, channel]
                state = torch.exp(-step * a[channel]) * state + step * u[row, t, channel] * b[row, t]
                torch.testing.assert_close(out[row, t, channel], state @ c[row, t])
    assert torch.autograd.gradcheck(lambda *x: selective_scan(x[0], x[1], -x[2], x[3], x[4]), (dt, u, a, b, c))


@pytest.mark.parametrize("keep", [0, 1, 3, torch.tensor([5]), torch.tensor([2, 4])], ids=str)
def test_logits_to_keep_is_a_slice(keep: int | torch.Tensor) -> None:
    model = build()
    full = model(input_ids=tokens()).logits
    want = full[:, keep] if isinstance(keep, torch.Tensor) else full[:, -keep:] if keep else full
    for states in (False, True):
        out = model(input_ids=tokens(), logits_to_keep=keep, output_hidden_states=states)
        torch.testing.assert_close(out.logits, want)
    assert len(out.hidden_states) == 3


def test_variant_of_the_release() -> None:
    model = build(residual=False, final_norm=False, norm="layer", layers=1)
    ids = tokens()
    vectors = model.get_input_embeddings()(ids)
    block = model.backbone.layers[0]
    hidden = block.mixer(torch.nn.functional.layer_norm(vectors, (24,)), None)
    torch.testing.assert_close(model(input_ids=ids).logits, hidden @ model.lm_head.weight.T)
    with_sum = build(final_norm=False, norm="layer", layers=1)
    with_sum.load_state_dict(model.state_dict())
    torch.testing.assert_close(with_sum(input_ids=ids).logits, (vectors + hidden) @ model.lm_head.weight.T)


def test_initial_statistics_and_freezing() -> None:
    model = build(width=64, frozen=True)
    mixer = model.backbone.layers[0].mixer
    assert model.backbone.embeddings.weight.std().item() == pytest.approx(0.02, rel=0.1)
    torch.testing.assert_close(mixer.A_log[7].exp(), torch.arange(1.0, 17))
    steps = torch.nn.functional.softplus(mixer.dt_proj.bias)
    assert steps.min().item() >= 0.99e-3
    assert steps.max().item() <= 0.101
    model(input_ids=tokens(), labels=tokens()).loss.backward()
    assert {name for name, value in model.named_parameters() if value.grad is None} == {"backbone.embeddings.weight"}


def test_generate_equals_the_greedy_loop() -> None:
    model = build()
    loop = tokens()
    for _ in range(3):
        loop = torch.cat([loop, model(input_ids=loop).logits[:, -1].argmax(-1, keepdim=True)], dim=1)
    assert torch.equal(model.generate(tokens(), max_new_tokens=3, do_sample=False), loop)


def test_same_seed_same_bits_and_reopen(tmp_path: Any) -> None:
    before = torch.get_rng_state()
    model = build(seed=3, tied=False)
    assert torch.equal(before, torch.get_rng_state())
    assert all(
        torch.equal(a, b) for a, b in zip(model.parameters(), build(seed=3, tied=False).parameters(), strict=True)
    )
    model.save_pretrained(tmp_path)
    again = GeomemMambaForCausalLM.from_pretrained(tmp_path)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("kernel", [1, 2, 4])
def test_a_cache_goes_on_as_if_all_were_read_at_once(kernel: int) -> None:
    """In pieces of one, two and more tokens, shorter and longer than the convolution, and after a change of order."""
    torch.manual_seed(0)
    model = GeomemMambaForCausalLM(
        GeomemMambaConfig(vocab_size=11, hidden_size=16, num_hidden_layers=2, conv_kernel=kernel)
    ).eval()
    ids = torch.randint(0, 11, (3, 12))
    with torch.no_grad():
        whole = model(input_ids=ids).logits
        for pieces in ([12], [1] * 12, [1, 2, 5, 4], [7, 1, 1, 3]):
            cache = model.new_cache()
            parts = [model(input_ids=piece, past_key_values=cache).logits for piece in ids.split(pieces, dim=1)]
            assert torch.allclose(torch.cat(parts, dim=1), whole, atol=1e-5)
        cache = model.new_cache()
        model(input_ids=ids[:, :8], past_key_values=cache)
        order = torch.tensor([2, 0, 0, 1])
        cache.reorder_cache(order)
        found = model(input_ids=ids[order, 8:], past_key_values=cache).logits
    assert torch.allclose(found, whole[order, 8:], atol=1e-5)
