"""A small Transformer on a source whose joint is known: levels, spill, gauge, and tokens that cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from geomem.geometry.partial_correlation import Partial, partial
from geomem.geometry.spilled_energy import (
    GAUGES,
    Gauge,
    auroc,
    in_gauge,
    log_partition,
    spilled_energy,
    surprise,
)
from geomem.probing.rows import Rows
from geomem.seeding import torch_generator
from geomem.spec import validate
from geomem.studies.checkpoints import open_adapter
from geomem.studies.joint_vs_conditional.levels import covariates, level_against
from geomem.studies.joint_vs_conditional.settings import Sequences
from geomem.tasks.markov import MarkovTask
from geomem.tasks.specs import MarkovSpec
from geomem.training.progress import Event
from geomem.training.series import series
from geomem.training.spec import TrainSpec
from geomem.training.work import Extra

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.runs.directory import Run
    from geomem.training.progress import Listener
    from geomem.training.work import Work

MODEL = "model"
"""Name under which the work knows the trained model."""


def source_spec(own: Sequences, *, dense: bool) -> MarkovSpec:
    """Return the source, or its dense variant."""
    return own.source.model_copy(update={"floor": own.floor}) if dense else own.source


def training(own: Sequences, seed: int, *, dense: bool) -> TrainSpec:
    """Return the training of geomem's Transformer on the source; its output layer has no bias and is not tied."""
    name = "dense" if dense else "sparse"
    return validate(TrainSpec, {
        "name": f"markov-{name}-seed-{seed}",
        "seed": seed,
        "task": source_spec(own, dense=dense).model_dump(mode="json"),
        "model": {"kind": "transformer", "width": own.width, "layers": own.layers, "heads": own.heads,
                  "max_positions": own.source.length, "tied": False},
        "stages": [{"steps": own.steps, "batch": {"markov": own.batch},
                    "optimizer": {"lr": own.lr, "weight_decay": 0.01, "clip": 1.0},
                    "schedule": {"warmup": own.steps // 20}}],
        "keep_at": f"log:{own.keep}",
        "evaluate_every": own.steps,
        "threads": 1,
    })  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """What a model says of sequences. tokens: (B, T). states: (B, T, d) that the output layer reads, float64.

    weight: (V, d) of the output layer, float64.
    """

    tokens: Tensor
    states: Tensor
    weight: Tensor

    @property
    def logits(self) -> Tensor:
        """(B, T, V), row t follows x_0..x_t."""
        return self.states @ self.weight.T

    def shifted(self, direction: Tensor) -> Reading:
        """Return the same model in another gauge: a (d,) added to every row of the output layer, c(x) = a . h."""
        return Reading(self.tokens, self.states, self.weight + direction)


@torch.no_grad()
def read(adapter: Adapter, tokens: Tensor) -> Reading:
    """Run a model with a plain output layer on tokens (B, T)."""
    weight: Any = adapter.unembedding
    return Reading(tokens, adapter.final(adapter.run(tokens)).double(), weight.double())


def run_sequences(work: Work, _run: Run, listener: Listener) -> Extra:
    """Measure every checkpoint of the model, and at the last one also gauges and forbidden tokens."""
    own, dense = validate(Sequences, work.settings["sequences"]), bool(work.settings["dense"])
    task = MarkovTask(source_spec(own, dense=dense), work.seed)
    tokens = task.tokens["held_out"]
    kept = series(work.run_of(MODEL).path)
    rows, arrays = Rows("", seed=work.seed), dict[str, Tensor]()
    rows.add("source/decades", task.source.decades)
    rows.add("source/entropy_rate", task.source.entropy_rate)
    for place, (step, folder) in enumerate(kept):
        listener(Event(work.name, place, len(kept) + 1))
        adapter = open_adapter(folder, work)
        found = read(adapter, tokens)
        rows.step = step
        for name, value in task.score(adapter.model).items():
            rows.add(name, value)
        add_levels(rows, task, found)
        if step == kept[-1][0]:
            rows.step = None
            arrays |= pair_levels(task, found)
            add_consistency(rows, task, found)
            if not dense:
                add_anomalies(rows, task, adapter, work.seed)
    return Extra(rows=rows.rows, arrays=arrays)


def add_levels(rows: Rows, task: MarkovTask, found: Reading) -> None:
    """Add J and the slope for whole prefixes, and for pairs of tokens, the source's own states.

    Prefixes: every position after the second, with entropy, support size and the position itself held fixed; sequences
    are resampled. Pairs: one observation a pair that occurs, the mean level over its occurrences; pairs are resampled.
    """
    inside = _inner(found.tokens)
    logits, true = found.logits[:, inside], task.source.conditionals(found.tokens)[:, inside]
    count, length = logits.shape[:2]
    given = torch.cat([covariates(true), _where(count, length)], dim=-1).flatten(0, 1)
    prior = task.source.prefix_log_probs(found.tokens)[:, inside].flatten()
    sequence = torch.arange(count).repeat_interleave(length)
    for gauge in GAUGES:
        whole = level_against(logits.flatten(0, 1), prior, given, gauge=gauge, clusters=sequence)
        _add(rows, f"prefix/{gauge}", whole)
        pairs = _pairs(task, found, gauge)
        _add(rows, f"pair/{gauge}", partial(pairs.prior, pairs.levels, pairs.given))
    error = log_partition(logits, gauge="centred") + logits.log_softmax(-1).mean(-1)
    rows.add("identity_error", float(error.abs().max()))


def pair_levels(task: MarkovTask, found: Reading) -> dict[str, Tensor]:
    """Return log stationary probability and centred level of each pair that occurs, for a picture."""
    pairs = _pairs(task, found, "centred")
    order = pairs.prior.argsort()
    return {"pair/log_prior": pairs.prior[order], "pair/levels": pairs.levels[order]}


def add_consistency(rows: Rows, task: MarkovTask, found: Reading) -> None:
    """Add how the level after a token goes with that token's logit before, and what of the spill is log p.

    Held fixed: entropy and support size of both contexts (centring takes off a share of the unseen tokens), and the
    position. The slope of the centred spill over log p(x | context) is what the joint reading wants to be 0.
    """
    before, after = _inner(found.tokens)[:-1], _inner(found.tokens)[1:]
    logits, true = found.logits, task.source.conditionals(found.tokens)
    chosen = found.tokens[:, after, None]
    own = in_gauge(logits[:, before], "centred").gather(-1, chosen)[..., 0].flatten()
    level = log_partition(logits[:, after], gauge="centred").flatten()
    known = [covariates(true[:, side]) for side in (before, after)]
    given = torch.cat([*known, _where(len(logits), len(before))], dim=-1).flatten(0, 1)
    sequence = torch.arange(len(found.tokens)).repeat_interleave(len(before))
    _add(rows, "spill/consistency", partial(own, level, given, sequence))
    chance = true[:, before].gather(-1, chosen)[..., 0].log().flatten()
    _add(rows, "spill/on_log_p", partial(chance, level - own, given, sequence))


def add_anomalies(rows: Rows, task: MarkovTask, adapter: Adapter, seed: int) -> None:
    """Add AUROCs of one forbidden token a sequence against the true one, as the model left them and in another gauge.

    Each score is larger for what is more suspicious: the spill Delta, -log p(x | context), and minus the level after x.
    """
    generator = torch_generator(seed, "anomalies")
    tokens = task.tokens["held_out"]
    place = torch.randint(2, tokens.shape[1], (len(tokens),), generator=generator)
    row = torch.arange(len(tokens))
    changed = tokens.clone()
    changed[row, place] = task.source.forbidden(torch.stack([tokens[row, place - 1 - k] for k in (1, 0)], 1), generator)
    true, false = read(adapter, tokens), read(adapter, changed)
    # A shift as large as the logits themselves, of the model's own states.
    direction = torch.randn(true.states.shape[-1], generator=generator, dtype=torch.float64)
    direction *= float(true.logits.std() / (true.states @ direction).std())
    moved: dict[str, float] = {}
    for gauge in GAUGES:
        spills = [spilled_energy(one.logits, one.tokens, gauge=gauge)[row, place - 1] for one in (true, false)]
        levels = [log_partition(one.logits, gauge=gauge)[row, place] for one in (true, false)]
        again = [
            spilled_energy(one.shifted(direction).logits, one.tokens, gauge=gauge)[row, place - 1]
            for one in (true, false)
        ]
        found, shifted = auroc(*spills), auroc(*again)
        rows.add(f"anomaly/spill_{gauge}", found)
        rows.add(f"anomaly/spill_{gauge}_shifted", shifted)
        rows.add(f"anomaly/level_{gauge}", auroc(-levels[0], -levels[1]))
        moved[gauge] = float((torch.cat(again) - torch.cat(spills)).abs().max())
        rows.add(f"gauge/{gauge}_moved", moved[gauge])
        rows.add(f"gauge/{gauge}_auroc_change", abs(shifted - found))
    rows.add("anomaly/surprise", auroc(*(surprise(one.logits, one.tokens)[row, place - 1] for one in (true, false))))


@dataclass(frozen=True)
class _Pairs:
    """One observation a pair of tokens that occurs: prior (n,), levels (n,), given (n, 2)."""

    prior: Tensor
    levels: Tensor
    given: Tensor


def _pairs(task: MarkovTask, found: Reading, gauge: Gauge) -> _Pairs:
    inside = _inner(found.tokens)
    size = task.source.vocabulary
    numbers = (found.tokens[:, inside - 1] * size + found.tokens[:, inside]).flatten()
    levels = log_partition(found.logits[:, inside], gauge=gauge).flatten()
    seen = torch.bincount(numbers, minlength=size * size)
    sums = torch.zeros(size * size, dtype=torch.float64).index_add_(0, numbers, levels)
    there = seen > 0
    prior = task.source.stationary.flatten()[there].log()
    return _Pairs(prior, sums[there] / seen[there], covariates(task.source.transitions.flatten(0, 1)[there]))


def _inner(tokens: Tensor) -> Tensor:
    """Return the positions whose context is a pair or more: 1..T-1."""
    return torch.arange(1, tokens.shape[1])


def _where(count: int, length: int) -> Tensor:
    """Return (B, T, T - 1) indicators of every position but the first, to hold the position fixed."""
    return torch.eye(length, dtype=torch.float64)[:, 1:].expand(count, -1, -1)


def _add(rows: Rows, name: str, found: Partial) -> None:
    for kind, one in (("correlation", found.correlation), ("slope", found.slope)):
        rows.add(f"{name}/{kind}", one.value, interval=(one.low, one.high))
