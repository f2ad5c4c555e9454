from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from geomem.errors import InputError
from geomem.studies.checkpoints import open_adapter
from geomem.studies.language_model import subject, text_task
from geomem.studies.linguistic_collapse.classes import NEXT_TOKEN, SUPPORT, Material, material
from geomem.training.work import Work


def read(work: Work, **changes: int) -> Material:
    told = {**work.settings, "reading": {**work.settings["reading"], **changes}}
    return material(work.model_copy(update={"settings": told}), open_adapter(subject(work).folder, work))


def test_next_token_classes_are_the_tokens_that_follow(collapse_work: Work) -> None:
    found = read(collapse_work)
    grouping = found.groupings[NEXT_TOKEN]
    assert grouping.labels.equal(found.train[:, 1:])
    counts = Counter(found.train[:, 1:].flatten().tolist())
    assert set(grouping.ids.tolist()) == {token for token, count in counts.items() if count >= 5}
    most = read(collapse_work, limit=7).groupings[NEXT_TOKEN].ids.tolist()
    assert len(most) == 7
    assert min(counts[token] for token in most) >= max(count for token, count in counts.items() if token not in most)


def test_support_classes_are_contexts_with_the_same_followers(collapse_work: Work) -> None:
    found = read(collapse_work, support_seen=2, support_shared=2)
    text = text_task(collapse_work).windows["train"].tokens.tolist()
    after: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
    for place in range(len(text) - 2):
        after[text[place], text[place + 1]].append(text[place + 2])
    support = {context: frozenset(tokens) for context, tokens in after.items() if len(tokens) >= 2}
    shared = Counter(support.values())
    kept = {context: followers for context, followers in support.items() if shared[followers] >= 2}
    labels = found.groupings[SUPPORT].labels.tolist()
    of: dict[int, frozenset[int]] = {}
    for window, row in zip(found.train.tolist(), labels, strict=True):
        assert row[0] == -1, "a context of two tokens has no place at the first"
        for place in range(1, len(row)):
            context = (window[place - 1], window[place])
            assert (row[place] >= 0) == (context in kept)
            if context in kept:
                assert of.setdefault(row[place], kept[context]) == kept[context]
    assert len(set(of.values())) == len(of)
    ids = found.groupings[SUPPORT].ids.tolist()
    assert found.contexts == pytest.approx(sum(shared[of[one]] for one in ids) / len(ids))


def test_a_grouping_of_too_few_classes_is_left_out_and_next_tokens_must_suffice(collapse_work: Work) -> None:
    assert set(read(collapse_work, support_seen=10**6).groupings) == {NEXT_TOKEN}
    with pytest.raises(InputError, match=r"0 next tokens occur 100000 times or more; at least 3 are needed: read more"):
        read(collapse_work, min_samples=100_000)
