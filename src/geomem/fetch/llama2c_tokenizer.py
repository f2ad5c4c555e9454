"""The tokenizer of llama2.c as a Hugging Face one: the same pieces, the same merges, bytes for what has no piece."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geomem.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_UNKNOWN, _START, _END = "<unk>", "<s>", "</s>"
_BYTES = 256


@dataclass(frozen=True)
class Pieces:
    """The vocabulary: 3 special tokens, 256 bytes, then pieces of text, each with the score that orders the merges."""

    texts: tuple[str, ...]
    scores: tuple[float, ...]

    @classmethod
    def read(cls, data: bytes, count: int) -> Pieces:
        """Read `count` pieces: an int32 of no interest, then for each a float32, an int32 and that many bytes.

        Raises InputError when the data end too early, or a piece is not UTF-8.
        """
        texts: list[str] = []
        scores: list[float] = []
        offset = 4
        try:
            for _ in range(count):
                score, length = struct.unpack_from("<fi", data, offset)
                offset += 8 + length
                if length < 0 or offset > len(data):
                    raise InputError(f"not a llama2.c tokenizer: it ends within piece {len(texts)} of {count}")
                texts.append(data[offset - length : offset].decode())
                scores.append(score)
        except struct.error:
            raise InputError(f"not a llama2.c tokenizer: it ends after piece {len(texts)} of {count}") from None
        except UnicodeDecodeError:
            raise InputError(f"not a llama2.c tokenizer: piece {len(texts)} is not UTF-8") from None
        special = [_UNKNOWN, _START, _END, *(f"<0x{byte:02X}>" for byte in range(_BYTES))]
        # The file writes the special tokens as llama2.c prints them, with line breaks around.
        return cls((*special[:count], *texts[len(special) :]), tuple(scores))

    @property
    def merges(self) -> list[tuple[str, str]]:
        """Return every pair of pieces that joins to a piece, the best score first.

        Byte-pair encoding needs an order of pairs, llama2.c has an order of results; among pairs with one result the
        one with the longer first part comes first, as joining from the left makes them.
        """
        ids = {text: index for index, text in enumerate(self.texts)}
        ranked: list[tuple[float, int, str, str]] = []
        for index, text in enumerate(self.texts[3 + _BYTES :], start=3 + _BYTES):
            if ids[text] != index:
                continue
            for cut in range(1, len(text)):
                left, right = text[:cut], text[cut:]
                if left in ids and right in ids:
                    ranked.append((-self.scores[index], -cut, left, right))
        return [(left, right) for _, _, left, right in sorted(ranked, key=lambda found: found[:2])]


def build_tokenizer(pieces: Pieces, context: int) -> PreTrainedTokenizerFast:
    """Return the tokenizer: a start-of-text token, a space before the text, merges by score, bytes as a last resort."""
    from tokenizers import Tokenizer, decoders, normalizers, processors
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    # Of a piece that is there twice the first counts, as in a search from the front.
    vocabulary: dict[str, int] = {}
    for index, text in enumerate(pieces.texts):
        vocabulary.setdefault(text, index)
    model = BPE(vocabulary, pieces.merges, unk_token=_UNKNOWN, byte_fallback=True, fuse_unk=True)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Prepend(" ")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{_START} $A", pair=f"{_START} $A {_START} $B", special_tokens=[(_START, vocabulary[_START])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=_START,
        eos_token=_END,
        unk_token=_UNKNOWN,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )
