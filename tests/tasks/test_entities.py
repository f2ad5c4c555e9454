from __future__ import annotations

import pytest

from geomem.errors import InputError
from geomem.tasks.entities import EntityVocabulary


def test_entities_come_first_and_marks_last() -> None:
    vocabulary = EntityVocabulary((("a", 2), ("b1_", 3)), ("tri:", "edge:"))
    assert vocabulary.num_nodes == 5
    assert vocabulary.names(range(vocabulary.size)) == [
        "a0", "a1", "b1_0", "b1_1", "b1_2", "tri:", "edge:", "<sep>", "</a>", "<mask>",
    ]  # fmt: skip
    assert vocabulary.name(vocabulary.mark("edge:")) == "edge:"
    assert (vocabulary.separator, vocabulary.end, vocabulary.filler) == (7, 8, 9)


def test_unknown_tokens_are_refused() -> None:
    vocabulary = EntityVocabulary((("a", 2),))
    for token in (-1, vocabulary.size):
        with pytest.raises(IndexError):
            vocabulary.name(token)
    with pytest.raises(InputError, match="did you mean '<sep>'"):
        vocabulary.mark("<sap>")
