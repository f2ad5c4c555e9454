"""A byte-level BPE tokenizer trained on a text (Sennrich et al. 2016; on bytes as in GPT-2), the same every time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from geomem.errors import InputError
from geomem.texts.tokens import pieces

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

END = "<|endoftext|>"
"""The one special token: end of a text, first in the vocabulary."""

SMALLEST = 257
"""Every byte and the special token: no text has an unknown character."""


def train_bpe(text: Iterable[str], size: int) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE with `size` tokens on a text that comes in chunks.

    `save_pretrained` writes it as an ordinary Hugging Face tokenizer. Decoding gives back every byte.
    Raises InputError when the size is below 257, or the text is too short to have that many tokens.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    if size < SMALLEST:
        raise InputError(f"vocabulary: a byte-level tokenizer has at least {SMALLEST} tokens, got {size}")
    found: Any = Tokenizer(models.BPE())
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = cast(Any, trainers.BpeTrainer)(
        vocab_size=size, special_tokens=[END], initial_alphabet=sorted(alphabet), show_progress=False
    )
    found.train_from_iterator(pieces(text), trainer)
    made = int(found.get_vocab_size())
    if made < size:
        raise InputError(f"vocabulary: the text is too short for {size} tokens, it gives {made}; ask for fewer")
    return PreTrainedTokenizerFast(
        tokenizer_object=found, bos_token=END, eos_token=END, unk_token=END, clean_up_tokenization_spaces=False
    )
