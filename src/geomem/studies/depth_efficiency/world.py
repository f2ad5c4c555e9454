"""A world of facts to compose: entities, relations that permute them, and chains of relations from an entity.

A question is (start, entity, r_1, ..., r_k) and its answer the entity that the chain leads to. A causal model that
reads the longest chain answers after every relation: position k + 1 says where the first k relations lead.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from geomem.seeding import torch_generator


@dataclass(frozen=True)
class World:
    """All chains of the longest length, N of them.

    chains: (N, hops + 2) tokens: 0 (start), the entity, the relations. answers: (N, hops) tokens of the entities that
    the first 1, 2, ... relations lead to. held_out: (N,) chains whose entity and first two relations are never trained
    on together. vocabulary: tokens: the start, the relations, the entities.
    """

    chains: Int[Tensor, "n t"]
    answers: Int[Tensor, "n k"]
    held_out: Bool[Tensor, " n"]
    vocabulary: int

    @property
    def hops(self) -> int:
        """Relations of a longest chain."""
        return self.answers.shape[1]

    def questions(self, hops: int, count: int, seed: int) -> tuple[Int[Tensor, "m t"], Int[Tensor, " m"]]:
        """Return at most `count` different questions of so many hops with their answers: beginnings of held-out chains.

        A single fact is the beginning of trained chains too; of two hops or more none was trained on.
        """
        rows = torch.cat([self.chains[:, : hops + 2], self.answers[:, hops - 1, None]], dim=1)[self.held_out]
        distinct = rows.unique(dim=0)
        order = torch.randperm(len(distinct), generator=torch_generator(seed, "world", f"questions {hops}"))
        chosen = distinct[order[:count]]
        return chosen[:, :-1], chosen[:, -1]


def make_world(entities: int, relations: int, hops: int, held_out: float, seed: int) -> World:
    """Draw the relations, and which beginnings are held out: at least one, and for no fact all of its continuations."""
    generator = torch_generator(seed, "world")
    leads = torch.stack([torch.randperm(entities, generator=generator) for _ in range(relations)])
    choices = [torch.arange(entities), *[torch.arange(relations)] * hops]
    drawn = torch.cartesian_prod(*choices)
    place = drawn[:, 0]
    answers: list[Tensor] = []
    for column in range(1, hops + 1):
        place = leads[drawn[:, column], place]
        answers.append(place)
    begun = _begun(entities, relations, held_out, generator)
    hidden = begun[drawn[:, 0], drawn[:, 1], drawn[:, 2]]
    first_entity = 1 + relations
    tokens = torch.cat([torch.zeros_like(drawn[:, :1]), drawn[:, :1] + first_entity, drawn[:, 1:] + 1], dim=1)
    return World(tokens, torch.stack(answers, dim=1) + first_entity, hidden, first_entity + entities)


def _begun(entities: int, relations: int, held_out: float, generator: torch.Generator) -> Bool[Tensor, "e r r"]:
    """Return which entities with two relations are held out."""
    drawn = torch.rand(entities, relations, relations, generator=generator)
    facts = entities * relations
    count = min(max(1, round(held_out * facts * relations)), facts * (relations - 1))
    # A fact that no trained chain begins with could not be known: one continuation of each is always kept.
    drawn.scatter_(2, drawn.argmax(2, keepdim=True), 2.0)
    return drawn <= drawn.flatten().kthvalue(count).values
