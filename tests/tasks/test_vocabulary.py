from __future__ import annotations

import pytest

from geomem.errors import InputError
from geomem.tasks.vocabulary import SPECIALS, Vocabulary


def test_ids_are_those_of_the_card():
    words = Vocabulary(17)
    assert words.size == 26
    ids = [words.bar, words.pause, words.slash, words.filler, words.pad, words.edge, words.path]
    assert ids == [17, 18, 19, 20, 23, 24, 25]
    assert [words.special(name) for name in SPECIALS] == list(range(17, 26))


def test_names_go_both_ways():
    words = Vocabulary(2, ("Chad", "Peru"))
    assert words.names([words.edge, 1, 0]) == ["[EDGE]", "Peru", "Chad"]
    assert Vocabulary(2).names(range(4)) == ["0", "1", "|", "[PAUSE]"]


def test_an_unknown_special_names_the_nearest():
    with pytest.raises(InputError, match=r"did you mean '\[PAUSE\]'"):
        Vocabulary(2).special("PAUSE")


@pytest.mark.parametrize("token", [-1, 11])
def test_no_name_outside_the_vocabulary(token: int):
    with pytest.raises(IndexError):
        Vocabulary(2).name(token)
