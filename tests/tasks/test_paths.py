from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geomem.batch import IGNORE
from geomem.errors import InputError
from geomem.tasks.paths import first_hop_column, held_out_paths, path_prefixes, path_targets, target_stream
from geomem.tasks.vocabulary import Vocabulary

WORDS = Vocabulary(7)
PATHS = torch.tensor([[6, 0, 1, 2], [6, 3, 4, 5]])


def test_targets():
    assert path_targets(PATHS, "full").tolist() == [[6, 0, 1, 2], [6, 3, 4, 5]]
    assert path_targets(PATHS, "hardest").tolist() == [[0], [3]]
    assert path_targets(PATHS, "reversed").tolist() == [[2, 1, 0, 6], [5, 4, 3, 6]]
    for target in ("full", "hardest", "reversed"):
        column = first_hop_column(4, target)
        assert path_targets(PATHS, target)[:, column].tolist() == [0, 3]


def test_prefixes():
    plain = path_prefixes(WORDS, PATHS, pauses=2, start_node=False)
    assert plain.tolist() == [[WORDS.path, 2, WORDS.pause, WORDS.pause], [WORDS.path, 5, WORDS.pause, WORDS.pause]]
    rooted = path_prefixes(WORDS, PATHS, pauses=0, start_node=True)
    assert rooted.tolist() == [[WORDS.path, 6, 2], [WORDS.path, 6, 5]]


def test_sequences_of_the_card():
    prefixes = path_prefixes(WORDS, PATHS[:1], pauses=1, start_node=False)
    full = target_stream(prefixes, PATHS[:1], filler=WORDS.filler, teacherless=False).full()
    assert WORDS.names(full.tokens[0].tolist()) == ["[PATH]", "2", "[PAUSE]", "6", "0", "1", "2"]
    assert full.labels[0].tolist() == [IGNORE, IGNORE, IGNORE, 6, 0, 1, 2]
    assert full.columns == 4
    hidden = target_stream(prefixes, PATHS[:1], filler=WORDS.filler, teacherless=True).full()
    assert WORDS.names(hidden.tokens[0].tolist()) == ["[PATH]", "2", "[PAUSE]", "$", "$", "$", "$"]
    assert torch.equal(hidden.labels, full.labels)


@given(st.integers(2, 200), st.floats(0.01, 1.0), st.integers(0, 100))
def test_leaf_split_keeps_a_floor_of_the_share(count: int, share: float, seed: int):
    paths = torch.arange(3 * count).view(count, 3)
    if math.floor(share * count + 1e-9) == 0:
        with pytest.raises(InputError, match="none to train on"):
            held_out_paths(paths, "leaf", share, seed)
        return
    held_out = held_out_paths(paths, "leaf", share, seed)
    assert int((~held_out).sum()) == math.floor(share * count + 1e-9)
    assert torch.equal(held_out, held_out_paths(paths, "leaf", share, seed))


def test_shares_that_binary_rounds_down_are_met():
    paths = torch.arange(30).view(10, 3)
    for tenths in range(1, 11):
        assert int((~held_out_paths(paths, "leaf", tenths / 10, 0)).sum()) == tenths


def test_seeds_hold_out_different_paths():
    paths = torch.arange(300).view(100, 3)
    splits = torch.stack([held_out_paths(paths, "leaf", 0.75, seed) for seed in range(40)]).double()
    assert splits.mean().item() == pytest.approx(0.25)
    # Every path is held out sometimes: 40 draws with probability 1/4 miss one of 100 with chance 0.1 %.
    assert splits.sum(0).min() >= 1


def test_subtree_split_holds_out_whole_arms():
    arms = torch.arange(8).repeat_interleave(4)
    order = torch.randperm(32, generator=torch.Generator().manual_seed(1))
    paths = torch.stack([torch.full((32,), 100), arms, torch.arange(32) + 50], dim=1)[order]
    held_out = held_out_paths(paths, "subtree", 0.75, seed=3)
    inside, outside = set(paths[held_out, 1].tolist()), set(paths[~held_out, 1].tolist())
    assert (len(inside), len(outside)) == (2, 6)
    assert not inside & outside
    assert int(held_out.sum()) == 8


def test_nothing_left_to_train_on_is_one_clear_line():
    with pytest.raises(InputError) as caught:
        held_out_paths(PATHS[:1], "subtree", 0.75, 0)
    assert str(caught.value) == "train_share: 0.75 of 1 arms leaves none to train on"
