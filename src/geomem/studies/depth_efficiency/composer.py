"""The small Transformer that learns to compose the facts of a world, from nothing but questions and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from geomem.models.adapters import adapt
from geomem.models.specs import ArchitectureSpec
from geomem.seeding import torch_generator
from geomem.spec import validate
from geomem.training.optim import learning_rate, make_optimizer
from geomem.training.spec import Optimizer, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable

    from geomem.models.adapters.adapter import Adapter
    from geomem.studies.depth_efficiency.settings import Hops
    from geomem.studies.depth_efficiency.world import World


def build_composer(settings: Hops, vocabulary: int, seed: int) -> Adapter:
    """Return the untrained model: a GPT-2 of the size in the settings."""
    spec = validate(
        ArchitectureSpec,
        {
            "architecture": "gpt2",
            "width": settings.width,
            "layers": settings.layers,
            "heads": settings.heads,
            "max_positions": settings.hops + 2,
        },
    )
    return adapt(spec.build(vocabulary, seed).eval())


def train_composer(
    composer: Adapter, world: World, settings: Hops, seed: int, tell: Callable[[int, float], None]
) -> None:
    """Train on chains that are not held out; after every relation the answer so far is asked for.

    tell: called with the steps done and the loss of the last one.
    """
    model: Any = composer.model
    optimizer = make_optimizer(model, Optimizer(lr=settings.lr, weight_decay=settings.weight_decay), "cpu")
    schedule = Schedule(warmup=settings.warmup)
    known = torch.nonzero(~world.held_out)[:, 0]
    generator = torch_generator(seed, "world", "batches")
    model.train()
    for step in range(settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(schedule, settings.lr, step, settings.steps)
        rows = known[torch.randint(len(known), (settings.batch,), generator=generator)]
        logits = model(input_ids=world.chains[rows], use_cache=False).logits[:, 2:]
        loss = F.cross_entropy(logits.flatten(0, 1), world.answers[rows].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % 50 == 0:
            tell(step + 1, float(loss.detach()))
    model.eval()


@torch.no_grad()
def accuracy(composer: Adapter, questions: Int[Tensor, "m t"], answers: Int[Tensor, " m"]) -> float:
    """Return the share of questions whose answer is the likeliest next token."""
    return float((last_logits(composer, questions).argmax(1) == answers).double().mean())


def last_logits(composer: Adapter, questions: Int[Tensor, "m t"], *, grad: bool = False) -> Float[Tensor, "m v"]:
    """Return the logits after the last token of every question."""
    return composer.logits(composer.run(questions, grad=grad)[:, -1])
