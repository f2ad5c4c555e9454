from __future__ import annotations

import pytest
import torch

from geomem.studies.depth_efficiency.world import World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(entities=6, relations=3, hops=4, held_out=0.25, seed=0)


def test_all_chains_are_there_once(world: World) -> None:
    assert world.chains.shape == (6 * 3**4, 6)
    assert len(world.chains.unique(dim=0)) == len(world.chains)
    assert world.vocabulary == 10
    assert bool((world.chains[:, 0] == 0).all())
    assert world.chains[:, 1].unique().tolist() == world.answers.unique().tolist() == list(range(4, 10))
    assert world.chains[:, 2:].unique().tolist() == [1, 2, 3]


def test_answers_follow_the_relations_one_at_a_time(world: World) -> None:
    facts = {}
    for chain, answers in zip(world.chains.tolist(), world.answers.tolist(), strict=True):
        facts.setdefault((chain[1], chain[2]), answers[0])
    assert len(facts) == 18
    for chain, answers in zip(world.chains.tolist(), world.answers.tolist(), strict=True):
        place = chain[1]
        for relation, answer in zip(chain[2:], answers, strict=True):
            place = facts[place, relation]
            assert place == answer
    for relation in (1, 2, 3):
        assert len({facts[entity, relation] for entity in range(4, 10)}) == 6


def test_held_out_beginnings_are_never_trained_on(world: World) -> None:
    known = {tuple(row) for row in world.chains[~world.held_out, :4].tolist()}
    hidden = {tuple(row) for row in world.chains[world.held_out, :4].tolist()}
    assert not known & hidden
    assert len(hidden) == round(0.25 * 6 * 9)
    for share, count in ((1e-9, 1), (1 - 1e-9, 6 * 9 - 18)):
        made = make_world(6, 3, 3, share, 0)
        assert len(made.chains[made.held_out, :4].unique(dim=0)) == count
        assert len(made.chains[~made.held_out, :3].unique(dim=0)) == 18


def test_questions_are_different_beginnings_of_held_out_chains(world: World) -> None:
    for hops in (1, 2, 4):
        questions, answers = world.questions(hops, 8, seed=3)
        assert questions.shape == (8, hops + 2)
        assert len(questions.unique(dim=0)) == 8
        starts = {tuple(row): answer for row, answer in zip(world.chains[world.held_out, : hops + 2].tolist(),
                  world.answers[world.held_out, hops - 1].tolist(), strict=True)}  # fmt: skip
        assert [starts[tuple(question)] for question in questions.tolist()] == answers.tolist()
    assert len(world.questions(1, 1000, seed=0)[0]) <= 18
    assert torch.equal(world.questions(3, 5, seed=1)[0], world.questions(3, 5, seed=1)[0])
    assert not torch.equal(world.questions(3, 5, seed=1)[0], world.questions(3, 5, seed=2)[0])


def test_a_seed_makes_a_world() -> None:
    one, same, other = (make_world(6, 3, 3, 0.25, seed) for seed in (0, 0, 1))
    assert torch.equal(one.answers, same.answers)
    assert torch.equal(one.held_out, same.held_out)
    assert not torch.equal(one.answers, other.answers)
