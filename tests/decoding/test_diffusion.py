from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from geomem.batch import answer_batch
from geomem.decoding.diffusion import Diffusion
from geomem.decoding.sampling import Sampling

MASK = 3


class Exact(nn.Module):
    """The exact posterior of each masked token of a distribution over three bits, given all that is not masked.

    Tokens 0 and 1 are bits, 2 is the prompt, 3 the mask.
    """

    def __init__(self, joint: Tensor) -> None:
        super().__init__()
        self.joint, self.passes = joint, 0
        self.words = torch.tensor(list(itertools.product((0, 1), repeat=3)))

    def forward(self, input_ids: Tensor) -> SimpleNamespace:
        self.passes += 1
        logits = torch.full((*input_ids.shape, 4), -30.0)
        for row, tokens in enumerate(input_ids[:, 1:]):
            fits = ((self.words == tokens) | (tokens == MASK)).all(1)
            mass = self.joint * fits
            for place in range(3):
                for bit in (0, 1):
                    logits[row, place + 1, bit] = (
                        (mass[self.words[:, place] == bit].sum() / mass.sum()).log().clamp(-30)
                    )
        return SimpleNamespace(logits=logits)


def joint() -> Tensor:
    drawn = torch.rand(8, generator=torch.Generator().manual_seed(0))
    drawn[3] = 0.0
    return drawn / drawn.sum()


def test_one_token_a_pass_samples_the_joint_distribution() -> None:
    model = Exact(joint())
    prompts = torch.full((4000, 1), 2)
    found = Diffusion(MASK).generate(
        model, prompts, 3, sampling=Sampling(1.0), generator=torch.Generator().manual_seed(0)
    )
    counts = torch.bincount(found @ torch.tensor([4, 2, 1]), minlength=8)
    expected = joint() * 4000
    assert counts[3] == 0
    assert ((counts - expected).abs() <= 4.5 * expected.sqrt()).all()
    assert model.passes == 3


def test_fewer_passes_leave_no_mask() -> None:
    for steps in (1, 2, 3, 7):
        model = Exact(joint())
        found = Diffusion(MASK, steps).generate(model, torch.full((5, 1), 2), 3)
        assert (found < 2).all()
        assert model.passes == min(steps, 3)


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(1.0), Sampling(3.0, top_k=2)])
def test_a_model_that_would_answer_with_the_mask_answers_with_something_else(sampling: Sampling) -> None:
    """Nothing in training forbids it at first; the mask is an input, and no answer."""

    class Eager(nn.Module):
        def forward(self, input_ids: Tensor) -> SimpleNamespace:
            return SimpleNamespace(logits=torch.tensor([0.0, 1.0, -9.0, 5.0]).expand(*input_ids.shape, 4))

    generator = torch.Generator().manual_seed(0)
    for size in (None, 4, 3):
        found = Diffusion(MASK, size=size).generate(
            Eager(), torch.full((50, 1), 2), 3, sampling=sampling, generator=generator
        )
        assert (found != MASK).all()


def test_greedy_fills_in_what_it_is_surest_of() -> None:
    """The last bit is almost certain, and decides the others: 0, 1, 1 is never reached from the front."""
    mass = torch.tensor([0.30, 0.01, 0.0, 0.29, 0.0, 0.28, 0.0, 0.12])
    found = Diffusion(MASK).generate(Exact(mass), torch.full((1, 1), 2), 3)
    assert found.tolist() == [[0, 1, 1]]


def test_cross_entropies_add_up_to_the_likelihood() -> None:
    model = Exact(joint())
    words = model.words[model.joint > 0]
    logits = Diffusion(MASK, size=2).logits(model, answer_batch(torch.full((len(words), 1), 2), words))
    assert logits.shape == (7, 3, 2)
    losses = F.cross_entropy(logits.flatten(0, 1), words.flatten(), reduction="none").view(7, 3).sum(1)
    assert torch.allclose(losses, -model.joint[model.joint > 0].log(), atol=1e-4)


@pytest.mark.parametrize("length", [1, 2, 5])
def test_prompts_are_clamped(length: int) -> None:
    class Loud(nn.Module):
        def forward(self, input_ids: Tensor) -> SimpleNamespace:
            assert input_ids[:, :2].tolist() == [[2, 1], [2, 0]]
            return SimpleNamespace(logits=torch.tensor([0.0, 5.0, 0.0, 9.0]).expand(*input_ids.shape, 4))

    found = Diffusion(MASK, size=3).generate(Loud(), torch.tensor([[2, 1], [2, 0]]), length)
    assert found.tolist() == [[1] * length] * 2
