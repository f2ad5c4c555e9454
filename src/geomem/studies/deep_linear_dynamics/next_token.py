"""A link to next-token prediction: in what order softmax logits learn the modes of the centred support.

Not a claim of arXiv 1312.6120. The squared loss is replaced by the cross-entropy of tokens given contexts, the network
by one with a free vector for every token and context (two matrices). Logits diverge, so a mode is called learned when
its strength is that of logits one apart (arXiv 2505.08348; 2408.15417).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomem.geometry.distance import spearman
from geomem.geometry.mode_strength import crossing_times, linear_start, mode_strengths
from geomem.geometry.next_token import centred_support
from geomem.graphs.branching_diffusion import branching_features
from geomem.models.unconstrained import UnconstrainedFeatures
from geomem.seeding import stream_seed
from geomem.solvers.gradient_descent import descend
from geomem.solvers.gradient_flow import Course
from geomem.spec import validate
from geomem.studies.deep_linear_dynamics.settings import NextToken
from geomem.studies.deep_linear_dynamics.watch import by_mode, thinned
from geomem.training.progress import Event
from geomem.training.work import Extra

if TYPE_CHECKING:
    from geomem.runs.directory import Run
    from geomem.training.progress import Listener
    from geomem.training.work import Work

RECORDS = 400


def run_next_token(work: Work, _run: Run, listener: Listener) -> Extra:
    """Train unconstrained features on supports drawn from a tree, and time the modes of the centred support.

    Time is steps times learning rate times contexts, so that the loss is the sum over contexts.
    """
    own = validate(NextToken, work.settings["next_token"])
    listener(Event(work.name, 0, 1))
    support = tree_supports(own, work.seed)
    vocabulary, contexts = support.shape
    left, s, right = modes_of(support)
    probs = support.double() / support.sum(0)
    shares = torch.full((contexts,), 1 / contexts, dtype=torch.float64)
    model = UnconstrainedFeatures.from_seed(vocabulary, contexts, own.width, own.std, work.seed)
    first, second = model.contexts.detach().clone(), model.words.detach().clone()
    steps = round(own.time / own.step)
    marks = range(0, steps + 1, max(1, steps // RECORDS))
    found = descend(model, probs, shares, own.step * contexts, steps, record_at=marks)
    seen = torch.stack([mode_strengths(one.words @ one.contexts, left, right) for one in found])
    course = Course(own.step * torch.tensor([one.step for one in found], dtype=torch.float64), seen, [])
    crossed = crossing_times(course.times, seen, s)
    # At small logits the gradient is the constant P - 1/V: a deep linear network on that correlation.
    pull = mode_strengths(probs - 1 / vocabulary, left, right)
    told = (s / linear_start(first, second, left, right)).log() / (2 * pull)
    # A mode that was not reached comes after all that were.
    ranked = crossed.nan_to_num(nan=float("inf"))
    numbers = {
        "next-token/modes": float(len(s)),
        "next-token/reached": float(crossed.isfinite().sum()),
        "next-token/order": spearman(s, ranked),
        "next-token/told": spearman(told, ranked),
    }
    rows = [
        *by_mode("next-token/singular_value", s),
        *by_mode("next-token/time", crossed),
        *by_mode("next-token/time", told, "theory"),
    ]
    times, shown = thinned(course)
    return Extra(numbers, {"next-token/times": times, "next-token/strengths": shown / s}, rows)


def tree_supports(own: NextToken, seed: int) -> Tensor:
    """Return which tokens follow which context, (V, m) bool: tokens are leaves of a tree, a context has one feature.

    The tokens that have a feature +1 may follow its context. A feature that all or none of the tokens have is dropped.
    """
    table = branching_features(own.branching, own.flip, own.contexts, stream_seed(seed, "supports"))
    support = torch.from_numpy(table > 0).T
    size = support.sum(0)
    return support[:, (size > 0) & (size < len(support))].contiguous()


def modes_of(support: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return U (V, r), s (r,) and V (m, r) of the centred support, those without strength left out."""
    left, s, right = torch.linalg.svd(centred_support(support), full_matrices=False)
    kept = s > 1e-9 * s[0]
    return left[:, kept], s[kept], right.mT[:, kept]
