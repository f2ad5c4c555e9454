from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

from geomem.contexts.texts import TextSettings, text_contexts
from geomem.errors import InputError
from geomem.texts.bpe import train_bpe
from geomem.texts.tokens import tokenise
from tests.contexts.samples import count_by_hand, pairs_of

STORY = "the cat sat on the mat and the cat ran to the mat and the dog sat on the cat"


@pytest.fixture
def story(tmp_path: Path) -> Path:
    file = tmp_path / "story.txt"
    file.write_text(STORY, encoding="utf-8")
    return file


def words_by_hand(text: str, length: int, *, prefixes: bool = False) -> dict[tuple[tuple[str, ...], str], int]:
    words = text.split()
    number = {word: index for index, word in enumerate(sorted(set(words)))}
    names = {**{index: word for word, index in number.items()}, -1: ""}
    pairs = count_by_hand([[number[word] for word in words]], length, prefixes=prefixes)
    return {(tuple(names[t] for t in context), names[token]): count for (context, token), count in pairs.items()}


@pytest.mark.parametrize("context", [1, 2, 5, "full"])
def test_words_of_a_text_are_counted(story: Path, context):
    length = 7 if context == "full" else context
    settings = TextSettings(context=context, window=8 if context == "full" else None)
    found = text_contexts(story, settings)
    assert found.tokenizer is not None
    names = {**dict(enumerate(found.tokenizer.convert_ids_to_tokens(list(range(len(found.tokenizer)))))), -1: ""}
    named = {
        (tuple(names[t] for t in row), names[token]): count for (row, token), count in pairs_of(found.matrix).items()
    }
    assert named == words_by_hand(STORY, length, prefixes=context == "full")
    assert found.matrix.padded == (context == "full")


def test_where_it_comes_from_is_told(story: Path):
    found = text_contexts(story, TextSettings(context=2))
    origin = found.origin
    (text,) = origin.texts
    words = len(STORY.split())
    assert (text.characters, text.tokens, text.name) == (len(STORY), words, str(story))
    assert text.sha256 == hashlib.sha256(STORY.encode()).hexdigest()
    assert (origin.tokenizer, origin.context, origin.prefixes, origin.boundary) == ("words", 2, False, 0)
    # The first word has nothing before it, the second one word only.
    assert (found.matrix.samples, origin.without_context) == (words - 2, 1)
    assert not origin.limited


def test_a_bpe_a_folder_and_a_packed_file_give_the_same_counts(story: Path, tmp_path: Path):
    made = text_contexts(story, TextSettings(context=2, tokenizer="bpe", vocabulary=260))
    tokenizer = train_bpe([STORY], 260)
    tokens = tokenise([STORY], tokenizer).tolist()
    assert pairs_of(made.matrix) == count_by_hand([tokens], 2)
    tokenizer.save_pretrained(str(tmp_path / "tokenizer"))
    packed = tmp_path / "story.txt.gz"
    packed.write_bytes(gzip.compress(STORY.encode()))
    other = text_contexts(packed, TextSettings(context=2, tokenizer=str(tmp_path / "tokenizer")))
    assert pairs_of(other.matrix) == pairs_of(made.matrix)
    assert other.origin.tokenizer_sha256 == made.origin.tokenizer_sha256
    assert other.origin.texts[0].sha256 == made.origin.texts[0].sha256


def test_documents_end_at_the_end_of_text_token(tmp_path: Path):
    file = tmp_path / "two.txt"
    file.write_text("a b<|endoftext|>a c", encoding="utf-8")
    found = text_contexts(file, TextSettings(context=1))
    assert found.tokenizer is not None
    end, a, b, c = found.tokenizer.convert_tokens_to_ids(["<|endoftext|>", "a", "b", "c"])
    assert pairs_of(found.matrix) == {((a,), b): 1, ((b,), end): 1, ((a,), c): 1}


def test_max_tokens_reads_the_beginning_and_limits_are_noted(story: Path):
    found = text_contexts(story, TextSettings(context=1, max_tokens=9), least=2)
    tokens = STORY.split()[:9]
    assert found.origin.texts[0].tokens == 9
    assert found.matrix.samples == sum(tokens[:-1].count(word) for word in ("the",))
    assert found.origin.samples_kept == pytest.approx(found.matrix.samples / 8)
    assert found.origin.limited
    assert (found.origin.least, found.origin.most) == (2, None)


def test_progress_goes_from_nothing_to_all(story: Path):
    told: list[tuple[str, int, int]] = []
    text_contexts(story, told=lambda *event: told.append(event))
    assert [stage for stage, _, _ in told] == ["reading", "tokenizer", "contexts"]
    assert told[-1][1:] == (len(STORY), len(STORY))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (TextSettings(context=100), "20 token\\(s\\) are too few for a context of 100"),
        (TextSettings(context=0), "at least 1 token, got 0"),
        (TextSettings(tokenizer="wrods"), "did you mean 'words'"),
        (TextSettings(tokenizer="zzz"), "choose words, bpe, or a tokenizer's folder"),
        (TextSettings(tokenizer=".", vocabulary=9), "leave the number out"),
        (TextSettings(window=9), "belongs to the context 'full'"),
        (TextSettings(context="full", window=1), "at least 2 tokens"),
        (TextSettings(max_tokens=0), "max_tokens: at least 1"),
        (TextSettings(max_tokens=3), "3 token\\(s\\) are too few"),
    ],
)
def test_bad_settings_are_one_line(story: Path, settings: TextSettings, said: str):
    with pytest.raises(InputError, match=said) as caught:
        text_contexts(story, settings)
    assert "\n" not in str(caught.value)


def test_so_many_tokens_are_read_and_no_more_where_the_text_comes_in_pieces(tmp_path: Path):
    (tmp_path / "long.txt").write_text("one two three " * 20_000, encoding="utf-8")
    found = text_contexts(tmp_path / "long.txt", TextSettings(context=2, max_tokens=25_000))
    assert found.origin.texts[0].tokens == 25_000
    assert found.matrix.samples == 24_998


def test_a_text_without_spaces_is_told_of_the_other_tokenizer(tmp_path: Path):
    (tmp_path / "tao.txt").write_text("道可道非常道名可名非常名" * 20, encoding="utf-8")
    with pytest.raises(InputError, match=r"too few for a context of 5 .*; words are not spaced apart here"):
        text_contexts(tmp_path / "tao.txt")
    assert len(text_contexts(tmp_path / "tao.txt", TextSettings(tokenizer="bpe", vocabulary=262)).matrix) > 10


@pytest.mark.parametrize(("data", "said"), [(b"", "the text is empty"), (b"a\0b", "a binary file, not text")])
def test_a_bad_text_is_one_line(tmp_path: Path, data: bytes, said: str):
    file = tmp_path / "bad.txt"
    file.write_bytes(data)
    with pytest.raises(InputError, match=said):
        text_contexts(file)
