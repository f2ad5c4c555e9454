"""What must hold to the bit: which predictions count, where the answer is read, and that no pause changes nothing."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from geomem.batch import IGNORE, Alphabet, Batch
from geomem.models.specs import TransformerSpec
from geomem.objectives.objective import Objective
from geomem.objectives.pause import strew_pauses
from geomem.objectives.specs import NextTokenSpec, PauseSpec
from geomem.runs.directory import Run
from geomem.spec import validate
from geomem.tasks.lookup import LookupTask
from geomem.tasks.specs import LookupSpec
from geomem.training.progress import Listener
from geomem.training.work import Extra, Work

ROWS = 64
STEPS = 5
"""Steps of ordinary training that a run without pauses must follow bit for bit."""


def check(work: Work, _run: Run, _listener: Listener) -> Extra:
    """Return the largest error of each of the four (names as in `predicates.EXACT`)."""
    told = dict(work.settings)
    pauses, share = told.pop("pauses"), told.pop("share")
    task = LookupSpec.model_validate({**told, "train_size": ROWS, "test_size": ROWS}).build(work.seed)
    # The pause is the objective's own token here, so that it has an output row that nothing else needs.
    alphabet = Alphabet(task.vocabulary.size)
    torch.manual_seed(work.seed)
    return Extra({
        "masked/error": _masked(task, alphabet, share),
        "gradient/pause_row": max(_pause_row(task, alphabet, {"count": pauses}, "lookup", work.seed),
                                  _pause_row(task, alphabet, {"mode": "random", "share": share}, "text", work.seed)),
        "no_pauses/difference": _difference(task, alphabet, work.seed),
        "last_pause/error": _last_pause(task, alphabet, pauses, work.seed),
    })  # fmt: skip


def _masked(task: LookupTask, alphabet: Alphabet, share: float) -> float:
    """Count labels that are not as they should be, in the worst row: none on a pause, all others kept."""
    batch = _batch(task, "text")
    made = strew_pauses(batch, alphabet.size, share)
    pause = made.tokens[:, 1:] == alphabet.size
    dropped = made.labels[:, 1:] == IGNORE
    return float((pause != dropped).sum(1).max())


def _pause_row(task: LookupTask, alphabet: Alphabet, own: dict[str, Any], stream: str, seed: int) -> float:
    objective = _objective(PauseSpec, alphabet, own)
    model = _model(alphabet.size + objective.extra_tokens, seed)
    objective(model, _batch(task, stream)).backward()  # type: ignore[no-untyped-call]
    gradient = cast(Tensor, cast(Any, model).get_output_embeddings().weight.grad)
    return float(gradient[alphabet.size :].abs().max())


def _difference(task: LookupTask, alphabet: Alphabet, seed: int) -> float:
    """Train with no pauses and with the plain objective; return the largest difference of any weight."""
    ended: list[dict[str, Tensor]] = []
    for objective in (_objective(PauseSpec, alphabet, {"count": 0}), _objective(NextTokenSpec, alphabet, {})):
        model = _model(alphabet.size + objective.extra_tokens, seed)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        for _ in range(STEPS):
            optimizer.zero_grad()
            objective(model, _batch(task, "lookup")).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        ended.append(model.state_dict())
    one, two = ended
    assert one.keys() == two.keys()
    return max(float((one[name] - two[name]).abs().max()) for name in one)


def _last_pause(task: LookupTask, alphabet: Alphabet, pauses: int, seed: int) -> float:
    """Return the largest |loss - loss of the answer read by hand at the last pause| over single prompts."""
    objective = _objective(PauseSpec, alphabet, {"count": pauses})
    model = _model(alphabet.size + objective.extra_tokens, seed)
    batch = _batch(task, "lookup")
    worst = 0.0
    with torch.no_grad():
        for row in range(8):
            prompt, answer = batch.tokens[row, :-1], batch.labels[row, -1]
            shown = torch.cat([prompt, torch.full((pauses,), alphabet.size)])
            logits = cast(Any, model)(input_ids=shown[None]).logits[0, -1, : alphabet.size].double()
            one = Batch(batch.tokens[row : row + 1], batch.labels[row : row + 1], columns=1)
            by_hand = logits.logsumexp(0) - logits[answer]
            worst = max(worst, float((objective(model, one).double() - by_hand).abs()))
    return worst


def _batch(task: LookupTask, stream: str) -> Batch:
    return cast(Batch, task.streams("train")[stream].batch(torch.arange(ROWS)))


def _objective(kind: type[PauseSpec] | type[NextTokenSpec], alphabet: Alphabet, own: dict[str, Any]) -> Objective:
    return validate(kind, own).build(alphabet)


def _model(tokens: int, seed: int) -> nn.Module:
    shape = {"width": 32, "layers": 2, "heads": 4, "positions": "rotary", "initialisation": "fan-in", "tied": False}
    return validate(TransformerSpec, shape).build(tokens, seed)
