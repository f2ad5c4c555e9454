from __future__ import annotations

import pytest
import torch

from geomem.batch import IGNORE
from geomem.errors import InputError
from geomem.probing.plan import make_plan
from geomem.texts.windows import Windows
from tests.probing import tiny


def test_batches_hold_every_chosen_window_once_with_its_next_tokens() -> None:
    plan = tiny.plan()
    seen = []
    for number in range(plan.batches):
        tokens, targets, places = plan.batch(number)
        assert tokens.shape == targets.shape == (len(places), tiny.CONTEXT)
        assert torch.equal(targets[:, :-1], tokens[:, 1:])
        assert bool((targets[:, -1] == IGNORE).all())
        assert torch.equal(tokens, plan.windows.batch(plan.chosen[places]))
        seen += places.tolist()
    assert seen == list(range(len(plan.chosen)))
    assert plan.tokens == 1024


def test_shards_are_whole_batches_and_together_all_of_them() -> None:
    plan = tiny.plan()
    for shards in (1, 3, 4, plan.batches):
        found = [number for shard in range(shards) for number in plan.shard(shard, shards)]
        assert found == list(range(plan.batches))


def test_a_shuffled_plan_keeps_each_windows_tokens_and_loses_their_order() -> None:
    plain, mixed = tiny.plan(), tiny.plan(shuffled=True)
    one, _, _ = plain.batch(0)
    two, targets, _ = mixed.batch(0)
    assert torch.equal(one.sort(1).values, two.sort(1).values)
    assert not torch.equal(one, two)
    assert torch.equal(targets[:, :-1], two[:, 1:])
    assert torch.equal(two, mixed.batch(0)[0])


def test_the_sample_is_fixed_and_leaves_out_first_and_last_tokens() -> None:
    plan = tiny.plan()
    assert len(plan.sample) == 200
    assert int(plan.sample[:, 1].min()) >= 1
    assert int(plan.sample[:, 1].max()) <= tiny.CONTEXT - 2
    assert len(torch.unique(plan.sample, dim=0)) == len(plan.sample)
    assert torch.equal(plan.sample, tiny.plan(tiny.spec(batch_tokens=512)).sample)


def test_next_token_counts_are_those_of_the_windows_taken() -> None:
    plan = tiny.plan()
    expected = torch.zeros(tiny.VOCABULARY, dtype=torch.int64)
    for number in range(plan.batches):
        targets = plan.batch(number)[1]
        expected += torch.bincount(targets[targets != IGNORE], minlength=tiny.VOCABULARY)
    assert torch.equal(plan.next_counts, expected)


def test_a_batch_must_hold_a_window() -> None:
    with pytest.raises(InputError) as caught:
        make_plan(Windows(tiny.tokens(), 64), tiny.VOCABULARY, tiny.spec(batch_tokens=40))
    assert str(caught.value) == (
        "--batch-tokens 40: a batch must hold one window of 64 tokens; use --batch-tokens 64 or a smaller --context"
    )
