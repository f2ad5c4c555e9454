"""Stimuli for any two language models: passages of held-out text, of which the last word is read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jaxtyping import Float
from torch import Tensor

from geomem.errors import InputError
from geomem.probing.word_states import Stimuli, word_states
from geomem.spec import validate
from geomem.tasks.specs import TextSpec
from geomem.texts.reading import find_text, read_text, span

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.training.work import Work

_WORD = re.compile(r"\w+")


def held_out_text(work: Work) -> str:
    """Return the part of the small language model's text that it was not trained on."""
    spec = validate(TextSpec, {"text": work.settings["lm"]["text"]})
    path = find_text(spec.text)
    border = int(sum(map(len, read_text(path))) * (1 - spec.held_out))
    return "".join(span(read_text(path), border, None))


def cut_passages(text: str, words: int, count: int) -> Stimuli:
    """Cut a text into `count` passages of `words` words, spread evenly, without overlap; each gives its last word.

    One word a passage, so that stimuli are independent. Raises InputError when the text is too short.
    """
    spans = [match.span() for match in _WORD.finditer(text)]
    if len(spans) < count * words:
        raise InputError(f"stimuli: {count} passages of {words} words need {count * words} words of held-out text, "
                         f"which has {len(spans)}")  # fmt: skip
    firsts = [number * len(spans) // count for number in range(count)]
    passages = [text[spans[first][0] : spans[first + words - 1][1]] for first in firsts]
    places = [
        (number, spans[first + words - 1][0] - spans[first][0], len(passages[number]))
        for number, first in enumerate(firsts)
    ]
    return Stimuli(tuple(passages), tuple(places))


def states_of(adapter: Adapter, tokenizer: Any, stimuli: Stimuli) -> list[Float[Tensor, "n _"]]:
    """Return L + 1 streams (n, d) at the last token of every passage, float64."""
    return [layer.double() for layer in word_states(adapter, tokenizer, stimuli)]


def relative(layers: Sequence[Any]) -> list[float]:
    """Return the relative depth of every stream of a model: 0 for the embedding, 1 for the last."""
    return [place / max(1, len(layers) - 1) for place in range(len(layers))]


def at_same_depth(first: Sequence[Tensor], second: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Return as many layers of two models as the shallower one has, at equal relative depths."""
    count = min(len(first), len(second))
    chosen = [[side[round(depth * (len(side) - 1))] for depth in relative(range(count))] for side in (first, second)]
    return chosen[0], chosen[1]
