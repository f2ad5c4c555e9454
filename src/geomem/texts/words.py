"""A word-level tokenizer made from a text: every different word or run of punctuation is a token, spelled as it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from geomem.errors import InputError
from geomem.texts.bpe import END
from geomem.texts.tokens import pieces

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

UNKNOWN = "<|unknown|>"
"""Stands for every word that the vocabulary leaves out."""

SMALLEST = 3
"""The two special tokens and one word."""

_EVERY_WORD = 1 << 31


def train_words(text: Iterable[str], size: int | None = None) -> PreTrainedTokenizerFast:
    """Make a word-level tokenizer of a text that comes in chunks, in one pass over it.

    size: tokens, the most frequent words first and the two special ones included; None for every word of the text.
    Decoding joins words by spaces; how they were spaced is not kept.
    Raises InputError when the size is below 3, or the text has no word.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    if size is not None and size < SMALLEST:
        raise InputError(f"vocabulary: a word-level tokenizer has at least {SMALLEST} tokens, got {size}")
    found: Any = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
    found.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = cast(Any, trainers.WordLevelTrainer)(
        vocab_size=_EVERY_WORD if size is None else size, min_frequency=1, special_tokens=[END, UNKNOWN],
        show_progress=False,
    )  # fmt: skip
    found.train_from_iterator(pieces(text), trainer)
    if int(found.get_vocab_size()) < SMALLEST:
        raise InputError("the text has no word to make a tokenizer of")
    return PreTrainedTokenizerFast(
        tokenizer_object=found, bos_token=END, eos_token=END, unk_token=UNKNOWN, clean_up_tokenization_spaces=False
    )
