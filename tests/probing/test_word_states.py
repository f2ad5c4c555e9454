from __future__ import annotations

import pytest
import torch

from geomem.errors import InputError
from geomem.probing.word_states import EACH, PASSAGES, choose_stimuli, word_states
from tests.probing import tiny


def test_words_are_whole_and_spread_over_the_text() -> None:
    stimuli = choose_stimuli([tiny.sentences()])
    assert len(stimuli.passages) <= PASSAGES
    assert len(stimuli.words) == EACH * len(stimuli.passages)
    for passage, start, end in stimuli.words:
        text = stimuli.passages[passage]
        assert text[start:end].isalnum() or "_" in text[start:end]
        assert not text[start - 1 : start].isalnum()
        assert not text[end : end + 1].isalnum()
    places = [tiny.sentences().index(passage) for passage in stimuli.passages]
    assert places == sorted(places)
    assert places[-1] > 0.8 * len(tiny.sentences())
    assert stimuli.groups.tolist() == [passage for passage, _, _ in stimuli.words]


def test_states_are_those_at_the_last_token_of_each_word() -> None:
    subject = tiny.subject(tiny.llama())
    stimuli = choose_stimuli([tiny.sentences()])
    short = type(stimuli)(("It is a truth universally acknowledged",), ((0, 8, 13), (0, 14, 25)))
    states = word_states(subject.adapter, subject.tokenizer, short)
    encoded = subject.tokenizer(short.passages[0], return_offsets_mapping=True)
    with torch.no_grad():
        full = subject.model(torch.tensor([encoded["input_ids"]]), output_hidden_states=True).hidden_states
    for row, (_, start, end) in enumerate(short.words):
        inside = [i for i, (a, b) in enumerate(encoded["offset_mapping"]) if a < end and b > start and b > a]
        torch.testing.assert_close(states[1][row], full[1][0, inside[-1]])
    assert len(states) == len(subject.adapter.blocks) + 1


def test_a_text_of_few_words_is_refused() -> None:
    with pytest.raises(InputError, match=r"the text has 3 words, too few to compare models on: at least 180"):
        choose_stimuli(["one two ", "three"])
