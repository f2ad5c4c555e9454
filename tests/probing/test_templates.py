from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.errors import InputError
from geomem.probing.templates import mentions, name_tokens, placed, read_templates, shipped_templates
from tests.probing import tiny


def test_sentences_are_read_and_the_name_is_found_in_them(tmp_path: Path) -> None:
    file = tmp_path / "t.txt"
    file.write_text("# comment\n\nThe land of {name} is far\n{name}\n", encoding="utf-8")
    found = read_templates(file)
    assert found == ("The land of {name} is far", "{name}")
    sentence, start, end = placed(found[0], "Oz")
    assert (sentence, sentence[start:end]) == ("The land of Oz is far", "Oz")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("no place here\n", "t.txt, line 1: expected one {name} in the sentence, found 0"),
        ("ok {name}\n{name} and {name}\n", "t.txt, line 2: expected one {name} in the sentence, found 2"),
        ("# nothing\n", "t.txt: holds no sentence; write one a line, with {name} where the name stands"),
    ],
)
def test_a_bad_file_is_one_line_with_its_place(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "t.txt"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_templates(file)
    assert str(caught.value) == f"{tmp_path}/{said}"


def test_countries_have_sentences_of_their_own() -> None:
    assert any("border" in sentence for sentence in shipped_templates("countries"))
    assert shipped_templates("no-such-kind") == shipped_templates("")
    assert shipped_templates("countries") != shipped_templates("")


def test_the_tokens_of_a_name_are_those_that_hold_its_characters() -> None:
    words = tiny.tokenizer()
    sentence, start, end = placed("My friend lives in {name} now", "Netherfield Park")
    ids, inside = name_tokens(words, sentence, start, end)
    assert words.decode([ids[place] for place in inside]).strip() == "Netherfield Park"
    assert inside == list(range(inside[0], inside[-1] + 1))


def test_a_slow_tokenizer_is_refused() -> None:
    class Slow:
        is_fast = False

    with pytest.raises(InputError, match="does not say which characters its tokens cover"):
        name_tokens(Slow(), "a", 0, 1)


def test_the_longer_name_wins_and_names_are_whole_words() -> None:
    text = "Guinea-Bissau borders Guinea. Equatorial Guinea does not; Guineans live there."
    found = mentions(["Guinea", "Guinea-Bissau", "Equatorial Guinea", "Peru"], text)
    assert [text[start:end] for start, end in found["Guinea"]] == ["Guinea"]
    assert found["Guinea"][0][0] == text.index("borders ") + len("borders ")
    assert len(found["Guinea-Bissau"]) == len(found["Equatorial Guinea"]) == 1
    assert found["Peru"] == []
    assert mentions([], text) == {}


@given(st.lists(st.sampled_from(["Oz", "Ozma", "Mo"]), max_size=8), st.integers(1, 3))
@settings(deadline=None, max_examples=30)
def test_at_most_so_many_places_of_a_name_and_all_of_them_are_true(words: list[str], most: int) -> None:
    text = " ".join(words)
    found = mentions(["Oz", "Ozma", "Mo"], text, most)
    for name, places in found.items():
        assert len(places) == min(most, words.count(name))
        assert all(text[start:end] == name for start, end in places)
