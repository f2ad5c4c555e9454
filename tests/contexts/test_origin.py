from __future__ import annotations

import hashlib

import numpy as np
import pytest

from geomem.contexts.build import count_tokens
from geomem.contexts.origin import ArrayOrigin, Contexts, Origin, TaskOrigin, limit, merged_origin, tokenizer_hash
from geomem.errors import InputError
from geomem.texts.words import train_words


def some() -> Contexts:
    return Contexts(count_tokens([np.array([0, 1, 0, 2, 0, 3, 1, 2, 1, 0])], 4, 1), Origin(context=1))


def test_limits_add_up():
    whole = some()
    once = limit(limit(whole, least=2), most=2)
    both = limit(whole, least=2, most=2)
    assert once.matrix.contexts.tolist() == both.matrix.contexts.tolist()
    assert (once.origin.least, once.origin.most) == (both.origin.least, both.origin.most) == (2, 2)
    assert once.origin.contexts_kept == pytest.approx(both.origin.contexts_kept) == 2 / 4
    assert once.origin.samples_kept == pytest.approx(both.origin.samples_kept) == pytest.approx(6 / 9)
    assert limit(both, most=5).origin.most == 2
    assert limit(both, most=1).origin.most == 1
    assert both.origin.limited
    assert not whole.origin.limited
    assert not limit(whole, least=1, most=99).origin.limited


def test_a_hash_is_of_the_whole_tokenizer():
    one, same, other = (train_words([text]) for text in ("a b c", "a b c", "a b d"))
    assert tokenizer_hash(one) == tokenizer_hash(same) != tokenizer_hash(other)


def test_a_tokenizer_without_a_definition_is_known_by_its_vocabulary():
    class Slow:
        def get_vocab(self) -> dict[str, int]:
            return {"b": 1, "a": 0}

    expected = hashlib.sha256(b'[["a", 0], ["b", 1]]').hexdigest()
    assert tokenizer_hash(Slow()) == expected  # type: ignore[arg-type]


def test_what_decides_the_counts_must_agree():
    one = Origin(context=2, tokenizer_sha256="x", about="a", without_context=1)
    assert merged_origin([one, one.model_copy(update={"about": "b"})]).about == "a; b"
    assert merged_origin([one, one]).without_context == 2
    array = ArrayOrigin(name="a.npy", sha256="x", rows=None, tokens=9)
    task = TaskOrigin(settings={"kind": "markov"}, seed=0)
    whole = merged_origin([one.model_copy(update={"arrays": (array,)}), one.model_copy(update={"tasks": (task,)})])
    assert (whole.arrays, whole.tasks, whole.texts) == ((array,), (task,), ())
    for change in ({"context": 3}, {"prefixes": True}, {"boundary": 0}, {"tokenizer_sha256": "y"}):
        with pytest.raises(InputError, match="do not fit"):
            merged_origin([one, one.model_copy(update=change)])
    with pytest.raises(InputError, match="then limit"):
        merged_origin([one, one.model_copy(update={"contexts_kept": 0.5})])
