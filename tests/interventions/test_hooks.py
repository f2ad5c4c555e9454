from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from geomem.errors import InputError
from geomem.interventions.hooks import EVERYWHERE, chosen, edited_input, edited_output


class Doubling(nn.Module):
    """Twice its input, as a tensor or as the first of a tuple."""

    def __init__(self, *, wrapped: bool = False) -> None:
        super().__init__()
        self.wrapped = wrapped

    def forward(self, hidden_states: Tensor) -> Tensor | tuple[Tensor, str]:
        return (2 * hidden_states, "rest") if self.wrapped else 2 * hidden_states


STREAM = torch.arange(24.0).view(2, 4, 3)


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("named", [False, True])
def test_an_output_is_edited_at_chosen_positions_only(wrapped: bool, named: bool) -> None:
    module = Doubling(wrapped=wrapped)
    with edited_output(module, lambda entering, leaving: entering + leaving + 1):
        output = module(hidden_states=STREAM) if named else module(STREAM)
    if wrapped:
        assert output[1] == "rest"
        output = output[0]
    assert torch.equal(output[:, 0], 2 * STREAM[:, 0])
    assert torch.equal(output[:, 1:], 3 * STREAM[:, 1:] + 1)


@pytest.mark.parametrize("named", [False, True])
def test_an_input_is_edited_at_chosen_positions_only(named: bool) -> None:
    module = Doubling()
    mask = torch.tensor([[True, False, False, False], [False, False, True, False]])
    with edited_input(module, lambda entering: -entering, mask):
        output = module(hidden_states=STREAM) if named else module(STREAM)
    expected = 2 * STREAM
    expected[0, 0] *= -1
    expected[1, 2] *= -1
    assert torch.equal(output, expected)


def test_flat_rows_are_seen_as_windows() -> None:
    module = Doubling()
    flat = STREAM.flatten(0, 1)
    with edited_output(module, lambda entering, _: entering, slice(2, 3), length=4):
        output = module(flat)
    expected = 2 * STREAM
    expected[:, 2] = STREAM[:, 2]
    assert torch.equal(output, expected.flatten(0, 1))
    with (
        edited_input(module, torch.zeros_like),
        pytest.raises(InputError, match="8 flat rows; give the tokens of a window, got None"),
    ):
        module(flat)
    with edited_input(module, torch.zeros_like, length=3), pytest.raises(InputError, match="got 3"):
        module(flat)


def test_hooks_are_taken_away_also_after_a_failure() -> None:
    module = Doubling()

    def fail(*_: Tensor) -> Tensor:
        raise KeyError("edit")

    for context in (edited_output(module, fail), edited_input(module, fail)):
        with pytest.raises(KeyError), context:
            module(STREAM)
    assert torch.equal(module(STREAM), 2 * STREAM)


def test_later_interventions_see_what_earlier_ones_left() -> None:
    module = Doubling()
    with (
        edited_output(module, lambda _, leaving: leaving + 1, EVERYWHERE),
        edited_output(module, lambda _, leaving: leaving * 10, EVERYWHERE),
    ):
        assert torch.equal(module(STREAM), 10 * (2 * STREAM + 1))


def test_positions() -> None:
    assert chosen(slice(1, 3), STREAM).tolist() == [False, True, True, False]
    assert chosen(slice(-1, None), STREAM).tolist() == [False, False, False, True]
    mask = torch.tensor([True, False, False, False])
    assert chosen(mask, STREAM) is mask
    with pytest.raises(InputError, match=r"positions: expected bool \(2, 4\) or \(4,\), got torch.bool \(3,\)"):
        chosen(mask[:3], STREAM)
    with pytest.raises(InputError, match=r"got torch.int64 \(2,\)"):
        chosen(torch.tensor([1, 2]), STREAM)
