"""The training loop: stages of steps over a task's streams, evaluated, measured, saved and resumed to the same bits."""

from __future__ import annotations

import math
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from geomem.batch import AnyBatch
from geomem.decoding.evaluating import evaluating, unwrap
from geomem.decoding.gelu import quick_gelus
from geomem.errors import RunError, unknown_name
from geomem.hardware import choose_device, choose_dtype, choose_threads, keep_freed_memory
from geomem.objectives.objective import Objective
from geomem.runs.directory import Run, Status
from geomem.runs.tables import History, headline_metric
from geomem.seeding import stream_seed
from geomem.tasks.streams import ENDLESS
from geomem.tasks.task import Task
from geomem.training.distributed import label_weight, make_fabric, own_share, summed
from geomem.training.evidence import check_measurements, measure_now
from geomem.training.interrupt import GracefulInterrupt
from geomem.training.keep import keep_checkpoint, keep_results
from geomem.training.optim import learning_rate, make_optimizer
from geomem.training.progress import Event, Listener, silent
from geomem.training.sampler import Sampler
from geomem.training.series import checkpoint_folder
from geomem.training.spec import Stage, TrainSpec
from geomem.training.staged import StagedObjectives
from geomem.training.state import TrainState

_FLUSH = 25
"""Steps whose losses stay on the device before they are read, checked for NaN and written to the history."""


@dataclass
class Trained:
    """What a run leaves in memory: the model, its task, its history and how it ended."""

    model: nn.Module
    task: Task
    history: History
    status: Status
    message: str = ""
    seconds: float = 0.0


def train(spec: TrainSpec, run: Run, listener: Listener = silent) -> Trained:
    """Train as `spec` says inside a locked run directory, from its last saved state if it has one.

    Writes history, measurements, timing and a Hugging Face checkpoint; the caller adds what it has to add and then
    marks the run as finished. A NaN or infinite loss ends it with status "diverged" and the last good checkpoint.
    Raises InputError for settings that do not fit the task, and RunError when the disk refuses.
    """
    return Loop(spec, run, listener).run()


def resume_spec(run: Run) -> TrainSpec:
    """Return the spec a run was started with, its number of threads and device fixed to the ones it used."""
    spec = TrainSpec.model_validate(run.info.spec)
    fixed = {"threads": int(run.info.choices["threads"].split(":")[0])} if "threads" in run.info.choices else {}
    return spec.model_copy(update=fixed)


def start_run(spec: TrainSpec, run: Run) -> None:
    """Record in the run's header the choices that depend on the machine, each with its reason."""
    device = choose_device(spec.device)
    chosen = {
        "device": device,
        "dtype": choose_dtype(spec.dtype, device.value),
        "threads": choose_threads(spec.threads),
    }
    run.save_info(choices={name: f"{choice.value}: {choice.reason}" for name, choice in chosen.items()})


class Loop:
    """One training run in progress. `train` is its usual door; `cost.estimate` times a few of its steps."""

    def __init__(self, spec: TrainSpec, run: Run, listener: Listener = silent) -> None:
        self.spec, self.run_dir, self.listener = spec, run, listener
        if not run.info.choices:
            start_run(spec, run)
        device, dtype, threads = (run.info.choices[name].split(":")[0] for name in ("device", "dtype", "threads"))
        torch.set_num_threads(int(threads))
        keep_freed_memory()
        self.fabric: Fabric = make_fabric(device, dtype)
        self._mixed = dtype != "float32"
        self.task: Task = cast(Any, spec.task).build(spec.seed)
        alphabet = self.task.alphabet()
        self._objectives = StagedObjectives(spec, alphabet)
        self.objective: Objective = self._objectives.of(0)
        tokens = alphabet.size + self._objectives.extra_tokens
        self.raw: nn.Module = cast(Any, spec.model).build(tokens, spec.seed).to(self.fabric.device)
        self.streams = self.task.streams("train")
        self._check_names()
        self.state = TrainState()
        self.model: nn.Module = self.raw
        self.optimizer: torch.optim.Optimizer = self._optimizer(spec.stages[0])
        self._pending: list[tuple[int, dict[str, Tensor | float]]] = []
        self._whole: dict[str, AnyBatch] = {}
        self._kept = frozenset(spec.kept)
        self._began = self._saved = self._shown = time.monotonic()
        self._shown_step = 0
        self._note = ""
        self._interrupt = GracefulInterrupt()

    # -- setting up ----------------------------------------------------------------------------------------------

    def _check_names(self) -> None:
        for stage in self.spec.stages:
            for stream in [*(stage.mix or {}), *stage.batch]:
                if stream not in self.streams:
                    raise unknown_name(f"stream in stage '{stage.name}'", stream, self.streams)
        check_measurements(self.spec.measure, self.task, self.raw)
        self._try_examples()

    def _try_examples(self) -> None:
        """Take every loss of its streams' last examples, so that what does not fit is said before the first step."""
        devices = [self.fabric.device] if self.fabric.device.type == "cuda" else []
        with evaluating(self.raw), torch.random.fork_rng(devices=devices):
            for objective, names in self._objectives.uses(self.task.default_mix()):
                for name in names:
                    stream = self.streams[name]
                    # An endless stream has no last example but the last one that this run takes.
                    count = self._taken(len(self.spec.stages), name) if stream.size == ENDLESS else stream.size
                    objective(self.raw, stream.batch(torch.tensor([max(0, count - 1)])).to(self.fabric.device))

    def _optimizer(self, stage: Stage) -> torch.optim.Optimizer:
        """Make the stage's optimiser, and wrap the model for several processes or mixed precision.

        One process in float32 needs neither: Fabric's wrapper changes nothing there and costs an eighth of a step.
        """
        optimizer = make_optimizer(self.raw, stage.optimizer, self.fabric.device.type)
        compiled = cast(nn.Module, torch.compile(self.raw)) if self.spec.compile else self.raw
        prepared: Any = optimizer
        self.model = compiled
        if self.fabric.world_size > 1 or self._mixed:
            self.model, prepared = self.fabric.setup(compiled, optimizer)
        self.model.train()
        return cast(torch.optim.Optimizer, prepared)

    def _restore(self) -> None:
        file = self.run_dir.path / "resume" / "state.pt"
        if not file.exists():
            torch.manual_seed(stream_seed(self.spec.seed, "dropout"))
            return
        self.state = TrainState.load(file)
        self.raw.load_state_dict(self.state.model)
        self.optimizer = self._optimizer(self.spec.stages[self.state.stage])
        self.optimizer.load_state_dict(self.state.optimizer)
        self.objective = self._objectives.of(self.state.stage)
        self._objectives.load_state_dict(self.state.objective)

    # -- running -------------------------------------------------------------------------------------------------

    def run(self) -> Trained:
        """Run all stages from where the saved state stands."""
        self._restore()
        self._shown_step = self.state.step
        status: Status = "finished"
        message = ""
        try:
            with GracefulInterrupt() as self._interrupt, self._quick():
                ended = self._stages()
            status = "stopped early" if ended else "finished"
            message = ended
        except Diverged as diverged:
            status, message = "diverged", str(diverged)
            self._back_to_last_good()
        except KeyboardInterrupt:
            self.run_dir.finish("interrupted", self._seconds(), "interrupted; go on with --resume")
            raise
        self._finish()
        return Trained(unwrap(self.model), self.task, self.state.history, status, message, self._seconds())

    def _stages(self) -> str:
        first = sum(stage.steps for stage in self.spec.stages[: self.state.stage])
        for number in range(self.state.stage, len(self.spec.stages)):
            stage = self.spec.stages[number]
            if number != self.state.stage:
                self._enter(number, stage)
            samplers = self._samplers(number)
            while self.state.step < first + stage.steps:
                self._save_if_due()
                if self._interrupt.asked:
                    self._flush()
                    self._save()
                    raise KeyboardInterrupt
                if self._evaluation_due(self.state.step) and (reason := self._evaluate()):
                    return reason
                self._step(stage, samplers, self.state.step - first)
            first += stage.steps
        self._evaluate()
        return ""

    def _enter(self, number: int, stage: Stage) -> None:
        kept = self.optimizer.state_dict() if stage.keep_optimizer else None
        self.state.stage = number
        self.objective = self._objectives.of(number)
        self.optimizer = self._optimizer(stage)
        if kept is not None:
            self.optimizer.load_state_dict(kept)

    def _samplers(self, number: int) -> dict[str, tuple[float, Sampler]]:
        stage = self.spec.stages[number]
        mix = stage.mix or self.task.default_mix()
        total = sum(mix.values())
        return {name: (share / total, self._sampler(number, name)) for name, share in mix.items() if share > 0}

    def _sampler(self, number: int, name: str) -> Sampler:
        batch = self.spec.stages[number].batch.get(name)
        return Sampler(self.streams[name].size, batch, self.spec.seed, name, self._taken(number, name))

    def _taken(self, number: int, name: str) -> int:
        """Return how many examples of a stream the stages before `number` take."""
        earlier = self.spec.stages[:number]
        return sum(one.steps * one.batch.get(name, 0) for one in earlier if (one.mix or {name: 1.0}).get(name, 0) > 0)

    def _step(self, stage: Stage, samplers: dict[str, tuple[float, Sampler]], step: int) -> None:
        lr = learning_rate(stage.schedule, stage.optimizer.lr, step, stage.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        row: dict[str, Tensor | float] = {}
        total: Tensor | None = None
        for name, (share, sampler) in samplers.items():
            loss, own = self._loss(name, sampler, step)
            row[f"loss/{name}"] = own
            total = share * loss if total is None else total + share * loss
            row["loss"] = row.get("loss", 0.0) + share * own
        self.fabric.backward(cast(Tensor, total))
        if stage.optimizer.clip is not None:
            # DDP leaves the same gradients on every process, so that clipping them one by one is clipping them all.
            row["gradient_norm"] = nn.utils.clip_grad_norm_(self.raw.parameters(), stage.optimizer.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._pending.append((self.state.step, {**row, "lr": lr}))
        self.state.step += 1
        if len(self._pending) >= _FLUSH:
            self._flush()
            self._tell()

    def _loss(self, name: str, sampler: Sampler, step: int) -> tuple[Tensor, Tensor]:
        """Return the loss to differentiate and the loss over the whole batch to record."""
        world = self.fabric.world_size
        if world == 1:
            loss = self.objective(self.model, self._batch(name, sampler, step))
            return loss, loss.detach()
        index = sampler.indices(step)
        share = own_share(index, self.fabric.global_rank, world)
        # A process without a row of its own takes the same part in every reduction, with a row that counts nothing.
        mine = self.streams[name].batch(share if len(share) else index[:1]).to(self.fabric.device)
        weight = label_weight(mine) * bool(len(share))
        # DDP averages gradients over processes; this factor makes that average the mean over the global batch.
        loss = self.objective(self.model, mine) * (weight * world / summed(self.fabric, weight))
        return loss, summed(self.fabric, loss) / world

    def _batch(self, name: str, sampler: Sampler, step: int) -> AnyBatch:
        if not sampler.full:
            return self.streams[name].batch(sampler.indices(step)).to(self.fabric.device)
        if name not in self._whole:
            self._whole[name] = self.streams[name].full().to(self.fabric.device)
        return self._whole[name]

    def time_steps(self, count: int) -> tuple[list[float], float]:
        """Take `count` steps of each stage without keeping anything; return seconds a step, and of one evaluation.

        The first step of a stage, which allocates, is not counted.
        """
        each: list[float] = []
        with self._quick():
            for number, stage in enumerate(self.spec.stages):
                self._enter(number, stage)
                samplers = self._samplers(number)
                self._step(stage, samplers, 0)
                began = time.perf_counter()
                for step in range(1, count):
                    self._step(stage, samplers, step)
                each.append((time.perf_counter() - began) / (count - 1))
        began = time.perf_counter()
        self._evaluate()
        return each, time.perf_counter() - began

    def _quick(self) -> AbstractContextManager[None]:
        """Let a GELU that transformers composes of seven passes take fewer, where that changes nothing but rounding."""
        alike = self.fabric.device.type == "cpu" and not self._mixed
        return quick_gelus(self.raw) if alike else nullcontext()

    # -- looking -------------------------------------------------------------------------------------------------

    def _evaluation_due(self, step: int) -> bool:
        spec = self.spec
        return step % spec.evaluate_every == 0 or step in spec.evaluate_at or step in self._kept

    def _evaluate(self) -> str:
        """Keep (where asked for), score and measure the model as it stands; return why to stop, or an empty string."""
        self._flush()
        self._keep_if_due()
        scores = self.task.score(self.raw, device=str(self.fabric.device), reader=self.objective.reader())
        scores |= measure_now(self.spec.measure, self.task, self.raw)
        self.raw.train()
        self.state.history.add(self.state.step, scores)
        self._note = self._headline(scores)
        self._tell()
        stop = self.spec.stop
        if stop is None:
            return ""
        if stop.metric not in scores:
            raise unknown_name("metric to stop on", stop.metric, scores)
        self.state.met = self.state.met + 1 if stop.met(scores[stop.metric]) else 0
        if self.state.met < stop.patience:
            return ""
        return f"{stop.metric} = {scores[stop.metric]:.4g} met the stop criterion at step {self.state.step}"

    def _headline(self, scores: dict[str, float]) -> str:
        name = headline_metric(self.task.chance)
        if name not in scores:
            return ""
        chance = self.task.chance.get(name)
        beside = "" if chance is None else f" (chance {chance:.2%})"
        return f"{name} {scores[name]:.1%}{beside}"

    def _flush(self) -> None:
        """Read the losses off the device, stop at the first that is not finite, and write the rest down."""
        for step, row in self._pending:
            values = {name: float(value) for name, value in row.items()}
            if not math.isfinite(values["loss"]):
                self._pending.clear()
                raise Diverged(f"the loss became {values['loss']} at step {step}; lower the learning rate")
            self.state.history.add(step, values)
        self._pending.clear()

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._shown < 0.5 or self.fabric.global_rank != 0:
            return
        rate = (self.state.step - self._shown_step) / (now - self._shown)
        self._shown, self._shown_step = now, self.state.step
        loss = self.state.history.last("loss")
        self.listener(Event(self.spec.name, self.state.step, self.spec.steps, rate, loss, self._note))

    # -- keeping -------------------------------------------------------------------------------------------------

    def _save_if_due(self) -> None:
        every = self.spec.checkpoint_every
        due = self.state.step == 0 or (
            self.state.step % every == 0
            if every is not None
            # Only right after a flush: processes, whose clocks differ, must all read their losses at the same steps.
            else not self._pending and time.monotonic() - self._saved >= self.spec.checkpoint_seconds
        )
        if due:
            self._flush()
            self._save()

    def _save(self) -> None:
        self._saved = time.monotonic()
        if self.fabric.global_rank != 0:
            return
        self.state.model = self.raw.state_dict()
        self.state.optimizer = self.optimizer.state_dict()
        self.state.objective = self._objectives.state_dict()
        kept, self.state.seconds = self.state.seconds, self._seconds()
        self.state.save(self.run_dir.path / "resume" / "state.pt")
        self.state.seconds = kept

    def _keep_if_due(self) -> None:
        """Leave a checkpoint of this step, unless it is there: a resumed run comes by it again with the same bits."""
        folder = checkpoint_folder(self.run_dir.path, self.state.step)
        if self.state.step in self._kept and self.fabric.global_rank == 0 and not folder.exists():
            keep_checkpoint(folder, self.raw, self.task)

    def _back_to_last_good(self) -> None:
        good = TrainState.load(self.run_dir.path / "resume" / "state.pt")
        self.raw.load_state_dict(good.model)

    def _seconds(self) -> float:
        return self.state.seconds + time.monotonic() - self._began

    def _finish(self) -> None:
        if self.fabric.global_rank != 0:
            return
        history = self.state.history
        keep_results(self.run_dir, self.spec, history, self.raw, self.task, self.state.step, self._seconds())
        loss = history.last("loss")
        self.listener(Event(self.spec.name, self.state.step, self.spec.steps, 0.0, loss, self._note, done=True))


class Diverged(RunError):
    """The loss is no longer a finite number."""
