from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.errors import InputError
from geomem.models.adapters import adapt
from geomem.studies.representation_comparison.passages import (
    at_same_depth,
    cut_passages,
    held_out_text,
    relative,
    states_of,
)
from geomem.training.work import Work
from tests.probing import tiny


@settings(deadline=None, max_examples=25)
@given(words=st.integers(1, 6), count=st.integers(1, 7), extra=st.integers(0, 9))
def test_passages_do_not_overlap_and_end_with_the_word_read(words: int, count: int, extra: int) -> None:
    text = " ".join(f"w{number}," for number in range(words * count + extra))
    found = cut_passages(text, words, count)
    assert len(found.passages) == len(found.words) == count
    read: list[str] = []
    for number, (passage, start, end) in enumerate(found.words):
        assert passage == number
        inside = found.passages[number].replace(",", "").split()
        assert len(inside) == words
        assert found.passages[number][start:end] == inside[-1]
        read += inside
    assert len(set(read)) == words * count
    assert found.groups.tolist() == list(range(count))


def test_a_text_that_is_too_short_says_what_it_takes() -> None:
    with pytest.raises(InputError, match="2 passages of 3 words need 6 words of held-out text, which has 5"):
        cut_passages("a b, c. d e", 3, 2)


def test_the_text_is_what_no_model_was_trained_on(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text("a" * 900 + "b" * 100)
    work = Work(function="x:y", settings={"lm": {"text": str(file)}})
    assert held_out_text(work) == "b" * 100


def test_states_are_those_of_the_last_token() -> None:
    stimuli = cut_passages(tiny.sentences(), 5, 4)
    model = tiny.gpt2()
    found = states_of(adapt(model), tiny.tokenizer(), stimuli)
    assert [layer.shape for layer in found] == [(4, tiny.WIDTH)] * (tiny.LAYERS + 1)
    for number, passage in enumerate(stimuli.passages):
        ids = torch.tensor([tiny.tokenizer()(passage, add_special_tokens=False)["input_ids"]])
        with torch.no_grad():
            hidden = model(ids, output_hidden_states=True).hidden_states
        for layer in range(tiny.LAYERS):
            assert torch.allclose(found[layer][number], hidden[layer][0, -1].double(), atol=1e-5)


def test_layers_of_two_depths_are_paired_by_relative_depth() -> None:
    deep, shallow = ([torch.tensor([[float(place)]]) for place in range(count)] for count in (7, 4))
    ones, others = at_same_depth(shallow, deep)
    assert [int(layer) for layer in ones] == [0, 1, 2, 3]
    assert [int(layer) for layer in others] == [0, 2, 4, 6]
    assert [int(layer) for layer in at_same_depth(deep, shallow)[1]] == [0, 1, 2, 3]
    assert relative(deep)[::3] == [0, 0.5, 1]
    assert relative([1]) == [0]
