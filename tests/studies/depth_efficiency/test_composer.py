from __future__ import annotations

import torch

from geomem.studies.depth_efficiency.composer import accuracy, build_composer, last_logits, train_composer
from geomem.studies.depth_efficiency.settings import Hops
from geomem.studies.depth_efficiency.world import make_world

SETTINGS = Hops(entities=4, relations=2, hops=2, width=32, layers=3, heads=2, steps=150, batch=16, lr=3e-3, warmup=10)


def test_it_learns_the_facts_and_keeps_them() -> None:
    world = make_world(4, 2, 2, 0.2, seed=0)
    composer = build_composer(SETTINGS, world.vocabulary, 0)
    assert (len(composer.blocks), composer.embedding.shape) == (3, (7, 32))
    facts, answers = world.chains[:, :3], world.answers[:, 0]
    before = accuracy(composer, facts, answers)
    losses: list[float] = []
    train_composer(composer, world, SETTINGS, 0, lambda _step, loss: losses.append(loss))
    assert before < 0.7 < accuracy(composer, facts, answers) == 1.0
    assert not composer.model.training
    assert losses == sorted(losses, reverse=True)
    assert len(losses) == 3


def test_training_never_sees_what_is_held_out_and_depends_on_the_seed() -> None:
    world = make_world(4, 2, 2, 0.3, seed=0)
    short = SETTINGS.model_copy(update={"steps": 3})
    seen: list[torch.Tensor] = []

    def trained(seed: int) -> torch.Tensor:
        composer = build_composer(short, world.vocabulary, 0)
        composer.model.register_forward_pre_hook(
            lambda _module, _inputs, named: seen.append(named["input_ids"]), with_kwargs=True
        )
        train_composer(composer, world, short, seed, lambda _step, _loss: None)
        return composer.embedding.detach().clone()

    assert torch.equal(trained(0), trained(0))
    assert not torch.equal(trained(0), trained(1))
    held_out = {tuple(row) for row in world.chains[world.held_out].tolist()}
    assert seen
    assert not held_out & {tuple(row) for batch in seen for row in batch.tolist()}


def test_the_answer_is_read_after_the_last_token() -> None:
    world = make_world(4, 2, 3, 0.2, seed=0)
    composer = build_composer(SETTINGS.model_copy(update={"hops": 3}), world.vocabulary, 0)
    questions = world.chains[:5, :4]
    expected = composer.model(input_ids=questions).logits[:, -1]
    assert torch.allclose(last_logits(composer, questions), expected, atol=1e-6)
    answers = expected.argmax(1)
    assert accuracy(composer, questions, answers) == 1.0
    assert accuracy(composer, questions, (answers + 1) % 7) == 0.0
