"""What every registered part must satisfy, kind by kind. Each check asserts, and names the part that fails.

Parts are found in the registries; nothing here is written for one of them, except what they need to be built small.
"""

from __future__ import annotations

import importlib
import inspect
import json
import math
import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor, nn

from geomem.batch import IGNORE, Alphabet, Batch, ContextBatch
from geomem.errors import InputError
from geomem.geometry.measurement import Measurement
from geomem.graphs.graph import Graph
from geomem.parts import describe_part, registries
from geomem.registry import Registry
from geomem.runs.exhibits import write_exhibit
from geomem.spec import Spec, resolve
from geomem.studies.study import Study
from geomem.tasks.task import Task, Vocabulary
from geomem.training.spec import TrainSpec
from geomem.training.work import Work, named_function
from tests.texts.samples import pages

KINDS = tuple(registries())
SPECS = ("graph", "task", "model", "objective")
VOCABULARY = 13

FIXED_TASKS = {"contexts"}
"""Tasks that a seed must not change; all others must hear it."""

RANDOM_GRAPHS = {"path-star", "tree-star", "erdos-renyi"}
"""Graphs that a seed changes; all others must ignore it."""

SMALL: dict[str, dict[str, Any]] = {
    "in-weights-edges": {"graph": {"kind": "path-star", "arms": 6, "length": 3}},
    "in-weights-path": {"graph": {"kind": "path-star", "arms": 6, "length": 3}},
    "in-context-path": {"length": 3, "num_nodes": 9, "train_size": 40, "test_size": 20},
    "node2vec": {"steps": 5},
    "text": {"vocabulary": 300, "context": 8},
    "cloze": {"vocabulary": 300, "context": 8},
    "contexts": {"context": 2, "most": 50},
    "catch-your-breath": {"gamma": 1.0, "warm_up": 0},  # where waiting costs nothing, uniform logits cost log V
    "lookup": {"length": 8, "train_size": 30, "test_size": 20},
    "easy-hard": {"items": 6, "train_size": 30, "test_size": 40},
    "markov": {"vocabulary": 6, "length": 5, "train_size": 30, "held_out_size": 20},
    "sibling-discovery": {"parents": 3, "children": 4, "train_size": 20, "held_out_size": 5, "samples": 30},
    "triangle-discovery": {"nodes": 30, "train_triangles": 20, "train_edges": 40, "samples": 30},
    "circle-construction": {"entities": 5, "length": 4, "train_size": 20, "held_out_size": 5, "samples": 30},
    "line-construction": {"entities": 5, "length": 4, "train_size": 20, "held_out_size": 5, "samples": 30},
}
"""Sizes at which the behaviour of a part is looked at; its defaults are built, too."""


def parts(*kinds: str) -> list[tuple[str, str]]:
    """Return (kind, name) of everything registered, or of some kinds."""
    return [(kind, name) for kind in kinds or KINDS for name in registries(kind)[kind]]


def names(kind: str) -> list[str]:
    return list(registries(kind)[kind])


def get(kind: str, name: str) -> Any:
    return registries(kind)[kind].get(name)


def settings(name: str, folder: Path, *, small: bool = False) -> dict[str, Any]:
    """Return what a part must be given beyond its name: required fields, and small sizes if asked for."""
    given: dict[str, Any] = {"kind": name, **(SMALL.get(name, {}) if small else {})}
    if name == "file":
        file = folder / "graph.csv"
        file.write_text("source,target\na,b\nb,c\nc,a\nc,d\n", encoding="utf-8")
        given["path"] = str(file)
    if name in ("text", "cloze", "contexts") and small:
        file = folder / "text.txt"
        file.write_text(pages(6000), encoding="utf-8")
        given["text"] = str(file)
    return given


def spec_of(kind: str, name: str, folder: Path, *, small: bool = False) -> Any:
    return resolve(registries(kind)[kind], settings(name, folder, small=small))


# -- every part ------------------------------------------------------------------------------------------------------


def check_listed(kind: str, name: str) -> None:
    """A line about it, a docstring, and a full description for `geomem show`."""
    registry: Registry[Any] = registries(kind)[kind]
    summary = registry.summary(name)
    assert 10 <= len(summary) <= 120, f"{kind} {name}: the line about it has {len(summary)} characters"
    assert "\n" not in summary
    assert not summary.endswith("."), f"{kind} {name}: the line about it is no sentence; drop the full stop"
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name), f"{kind} {name}: names are lower-case words joined by '-'"
    first = docstring(get(kind, name)).strip().split("\n")[0]
    assert first.endswith("."), f"{kind} {name}: the first line of its docstring does not end with a full stop: {first}"
    view = describe_part(kind, name)
    assert (view.kind, view.name, view.summary) == (kind, name, summary)
    assert view.description
    json.dumps(view.data(), allow_nan=False)
    with pytest.raises(InputError) as caught:
        registry.get(f"{name}x")
    assert f"did you mean '{name}'?" in str(caught.value)


def docstring(part: Any) -> str:
    """Return what documents a part: its class, its function, or (a study) its module."""
    if isinstance(part, Measurement):
        return inspect.getdoc(part.function) or ""
    if isinstance(part, Study):
        return part.summary
    return inspect.cleandoc(vars(part).get("__doc__") or "")


# -- settings --------------------------------------------------------------------------------------------------------


def check_settings(kind: str, name: str, folder: Path) -> None:
    """Defaults are valid, go to JSON and YAML and back, are explained, and mistakes are one line."""
    registry: Registry[type[Spec]] = registries(kind)[kind]
    spec = spec_of(kind, name, folder)
    assert isinstance(spec, registry.get(name))
    assert spec.model_dump()["kind"] == name
    assert resolve(registry, json.loads(spec.model_dump_json())) == spec
    assert resolve(registry, yaml.safe_load(yaml.safe_dump(spec.model_dump(mode="json")))) == spec
    assert resolve(registry, spec) is spec
    for field, info in type(spec).model_fields.items():
        assert field == "kind" or info.description, f"{kind} {name}: setting '{field}' has no description"
        with pytest.raises(ValueError, match="frozen"):
            setattr(spec, field, getattr(spec, field))
        if field != "kind":
            _one_line(
                lambda field=field: resolve(registry, {**settings(name, folder), f"{field}x": 1}),
                f"did you mean '{field}'?",
            )
    _one_line(lambda: resolve(registry, {**settings(name, folder), "zzzzzzzz": 1}), "zzzzzzzz: unknown key")


def _one_line(call: Any, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert expected in str(caught.value), str(caught.value)
    assert "\n" not in str(caught.value)


# -- graphs ----------------------------------------------------------------------------------------------------------


def check_graph(name: str, folder: Path) -> None:
    """Edges are pairs of known nodes, each once; the seed decides what is random and nothing else."""
    spec = spec_of("graph", name, folder)
    graph: Graph = spec.build(3)
    edges = graph.edges
    assert edges.dtype == np.int64
    assert edges.shape == (len(edges), 2)
    keys = np.sort(edges, axis=1)
    assert len(np.unique(keys, axis=0)) == len(edges), f"graph {name}: an edge is there twice"
    assert 0 <= edges.min() <= edges.max() < graph.num_nodes
    both = graph.directed_edges("both")
    assert {tuple(pair) for pair in both} == {tuple(pair[::-1]) for pair in both}
    joined = {tuple(pair) for pair in both}
    if graph.paths is not None:
        assert all((u, v) in joined for path in graph.paths for u, v in pairwise(path))
        assert (graph.paths[:, 0] == graph.root).all()
    assert np.array_equal(spec.build(3).edges, edges), f"graph {name}: the same seed gives another graph"
    changed = not np.array_equal(spec.build(4).edges, edges)
    assert changed == (name in RANDOM_GRAPHS), f"graph {name}: a seed must change what is random and nothing else"


# -- tasks -----------------------------------------------------------------------------------------------------------


def check_task(name: str, folder: Path, model: nn.Module | None = None) -> None:
    """Streams hold valid examples, scores come with their chance, a model is left as it was found."""
    spec = spec_of("task", name, folder, small=True)
    task: Task = spec.build(0)
    assert task.name == name
    streams = task.streams("train")
    mix = task.default_mix()
    assert streams
    assert set(mix) <= set(streams)
    assert sum(mix.values()) == pytest.approx(1.0)
    for split in ("train", "held_out"):
        for stream in task.streams(split).values():
            assert stream.size > 0
            index = torch.arange(min(3, stream.size))
            check_batch(stream.batch(index), len(index), task.vocabulary.size)
            check_batch(stream.full(), stream.size, task.vocabulary.size)
            one, two = stream.batch(index.flip(0)), stream.batch(index)
            assert torch.equal(one.tokens.flip(0), two.tokens), f"task {name}: an example depends on what is beside it"
    same, other = spec.build(0), spec.build(1)
    changed = any(_streams_differ(task, other, stream) for stream in streams)
    assert changed == (name not in FIXED_TASKS), f"task {name}: a seed must change what is random and nothing else"
    assert not any(_streams_differ(task, same, stream) for stream in streams), f"task {name}: not decided by the seed"
    check_score(task, Uniform(task.vocabulary.size) if model is None else model)
    check_evidence(task)


def check_batch(batch: Any, rows: int, vocabulary: int) -> None:
    assert batch.tokens.dtype == torch.int64
    assert batch.tokens.shape[0] == rows == batch.examples
    assert bool(((batch.tokens >= 0) & (batch.tokens < vocabulary)).all())
    if isinstance(batch, ContextBatch):
        assert bool(((batch.targets >= 0) & (batch.targets < vocabulary)).all())
        assert bool((batch.weights > 0).all())
        assert torch.zeros(rows).index_add(0, batch.rows, batch.probs).allclose(torch.ones(rows))
        assert bool((batch.rows.diff() >= 0).all())
        return
    assert isinstance(batch, Batch)
    assert batch.labels.shape == batch.tokens.shape
    known = batch.labels != IGNORE
    assert bool(known[:, 1:].any(1).all()), "a sequence without a label"
    assert bool(((batch.labels[known] >= 0) & (batch.labels[known] < vocabulary)).all())


def _streams_differ(one: Task, two: Task, stream: str) -> bool:
    first, second = one.streams("train")[stream].full(), two.streams("train")[stream].full()
    return any(
        not torch.equal(value, getattr(second, key)) for key, value in vars(first).items() if isinstance(value, Tensor)
    )


def check_score(task: Task, model: nn.Module) -> None:
    """Scores have finite values, a chance level each, and restore every module's mode."""
    modules = list(model.modules())
    for module, mode in zip(modules, [index % 2 == 0 for index in range(len(modules))], strict=True):
        module.training = mode
    before = [parameter.detach().clone() for parameter in model.parameters()]
    scores = task.score(model, device="cpu")
    assert [module.training for module in modules] == [index % 2 == 0 for index in range(len(modules))]
    assert all(torch.equal(one, two) for one, two in zip(before, model.parameters(), strict=True))
    assert all(parameter.grad is None for parameter in model.parameters())
    assert set(scores) == set(task.chance), f"task {task.name}: scores and chance levels differ in name"
    assert all(isinstance(value, float) and math.isfinite(value) for value in [*scores.values(), *task.chance.values()])
    assert scores == task.score(model, device="cpu"), f"task {task.name}: the score is not a function of the model"
    for name, value in scores.items():
        if name.endswith(("accuracy", "exact", "first_hop")):
            assert 0.0 <= value <= 1.0
            assert 0.0 < task.chance[name] <= 1.0


def check_evidence(task: Task) -> None:
    """What measurements read has the names and shapes they ask for."""
    found = task.evidence()
    known = {"edges", "graph_edges", "num_nodes", "root", "coordinates", "coordinate_kind", "paths", "held_out",
             "families"}  # fmt: skip
    assert set(found) <= known, f"task {task.name}: no measurement reads {set(found) - known}"
    if isinstance(task.vocabulary, Vocabulary):
        assert found["num_nodes"] == task.vocabulary.num_nodes
    if "in-weights" in task.name:
        assert {"edges", "graph_edges"} <= set(found)
    for name in {"edges", "graph_edges"} & set(found):
        pairs: Any = found[name]
        assert pairs.dtype == torch.int64
        assert pairs.shape[1] == 2
        assert int(pairs.max()) < task.vocabulary.num_nodes
    if "paths" in found:
        paths, held_out = found["paths"], found["held_out"]
        assert isinstance(paths, Tensor)
        assert isinstance(held_out, Tensor)
        assert held_out.dtype == torch.bool
        assert held_out.shape == paths.shape[:1]


class Uniform(nn.Module):
    """A causal language model that finds every token equally likely."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.size = vocabulary
        self.level = nn.Parameter(torch.zeros(()))
        self.inside = nn.Dropout(0.5)

    def forward(self, input_ids: Tensor, logits_to_keep: int | Tensor = 0) -> SimpleNamespace:
        logits = self.level * torch.ones(*input_ids.shape, self.size)
        keep = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        return SimpleNamespace(logits=logits[:, keep])


# -- models ----------------------------------------------------------------------------------------------------------


def check_model(name: str, folder: Path) -> None:
    """A sequence model: decided by its seed, sliced logits, gradients, both float formats, save and reopen."""
    spec = spec_of("model", name, folder, small=True)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    model: Any = spec.build(VOCABULARY, 3)
    assert torch.equal(torch.get_rng_state(), state), f"model {name}: building it used the global generator"
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert _equal_weights(model, spec.build(VOCABULARY, 3)), f"model {name}: the same seed gives other weights"
    assert not _equal_weights(model, spec.build(VOCABULARY, 4)), f"model {name}: another seed gives the same weights"
    if not spec.sequence:
        _check_vectors(name, model, folder)
        return
    tokens = torch.arange(10).reshape(2, 5)
    assert model.get_input_embeddings().weight.shape[0] == VOCABULARY
    assert model.get_output_embeddings().weight.shape[0] == VOCABULARY
    _check_kept(name, model.eval(), tokens)
    _check_gradients(name, model, tokens)
    full = model(input_ids=tokens).logits.detach()
    _check_reopened(name, model, tokens, full, folder)
    wide = model.double()(input_ids=tokens).logits
    assert wide.dtype == torch.float64
    torch.testing.assert_close(wide, full.double(), rtol=1e-4, atol=1e-5)


def _equal_weights(one: nn.Module, two: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def _check_kept(name: str, model: Any, tokens: Tensor) -> None:
    with torch.no_grad():
        full = model(input_ids=tokens).logits
        assert full.shape == (*tokens.shape, VOCABULARY)
        for keep, rows in (
            (0, slice(None)),
            (1, slice(-1, None)),
            (3, slice(-3, None)),
            (torch.tensor([0, 2]), [0, 2]),
        ):
            kept = model(input_ids=tokens, logits_to_keep=keep).logits
            torch.testing.assert_close(kept, full[:, rows], rtol=1e-5, atol=1e-6, msg=f"model {name}: {keep}")
        changed = tokens.clone()
        changed[:, 3] = (changed[:, 3] + 1) % VOCABULARY
        seen = model(input_ids=changed).logits
        torch.testing.assert_close(seen[:, :3], full[:, :3], rtol=1e-5, atol=1e-6, msg=f"model {name}: sees the future")
        assert not torch.allclose(seen[:, 3], full[:, 3])


def _check_gradients(name: str, model: Any, tokens: Tensor) -> None:
    model.zero_grad()
    # Random numbers in place of the initial weights: a table that starts at zero may hide a path, not break it.
    kept = {key: value.clone() for key, value in model.state_dict().items()}
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    logits = model(input_ids=tokens).logits
    nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten()).backward()
    for key, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, f"model {name}: no gradient reaches {key}"
            assert bool(parameter.grad.isfinite().all())
            assert bool((parameter.grad != 0).any()), f"model {name}: the gradient of {key} is all zeros"
        else:
            assert parameter.grad is None
    assert any(parameter.requires_grad for parameter in model.parameters())
    model.zero_grad()
    model.load_state_dict(kept)


def _check_reopened(name: str, model: Any, tokens: Tensor, full: Tensor, folder: Path) -> None:
    from geomem.models.hub import open_checkpoint

    model.save_pretrained(folder / name)
    assert (folder / name / "model.safetensors").is_file()
    again: Any = open_checkpoint(folder / name).eval()
    assert torch.equal(again(input_ids=tokens).logits, full), f"model {name}: reopened, it answers differently"
    trained = [parameter.requires_grad for parameter in model.parameters()]
    assert [parameter.requires_grad for parameter in again.parameters()] == trained, f"model {name}: freezing was lost"


def _check_vectors(name: str, model: Any, folder: Path) -> None:
    nodes = torch.arange(VOCABULARY)
    logits = model(nodes)
    assert logits.shape == (VOCABULARY, VOCABULARY)
    nn.functional.cross_entropy(logits, nodes.roll(1)).backward()
    assert all(parameter.grad is not None and bool((parameter.grad != 0).any()) for parameter in model.parameters())
    model.save_pretrained(folder / name)
    assert _equal_weights(type(model).from_pretrained(folder / name), model)
    torch.testing.assert_close(model.double()(nodes), logits.double(), rtol=1e-5, atol=1e-5)


# -- objectives ------------------------------------------------------------------------------------------------------


def check_objective(name: str, folder: Path) -> None:
    """Uniform logits cost log V; only ratios of weights count; the batch stays as it was; gradients flow.

    An objective that draws anything takes it from torch's global generator, which the training loop seeds and saves.
    """
    built = spec_of("objective", name, folder, small=True).build(Alphabet(VOCABULARY, filler=12))
    tokens = VOCABULARY + built.extra_tokens

    def objective(model: nn.Module, batch: Any) -> Tensor:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return built(model, batch)

    generator = torch.Generator().manual_seed(0)
    for batch in sample_batches():
        before = {key: value.clone() for key, value in vars(batch).items() if isinstance(value, Tensor)}
        uniform = Uniform(tokens)
        loss = objective(uniform, batch)
        assert loss.shape == ()
        assert float(loss.detach()) == pytest.approx(math.log(VOCABULARY), rel=1e-6)
        table = Table(torch.randn(tokens, tokens, generator=generator))
        loss = objective(table, batch)
        loss.backward()
        assert table.rows.grad is not None
        assert bool((table.rows.grad != 0).any())
        assert float(objective(table, batch).detach()) == float(loss.detach()), f"objective {name}: not a function"
        if batch.weights is not None:
            scaled = type(batch)(**{**vars(batch), "weights": 7 * batch.weights})
            assert float(objective(table, scaled).detach()) == pytest.approx(float(loss.detach()), rel=1e-6)
        wide = float(objective(table.double(), batch).detach())
        assert wide == pytest.approx(float(loss.detach()), rel=1e-5), f"objective {name}: float32 and float64 differ"
        for key, value in before.items():
            assert torch.equal(getattr(batch, key), value), f"objective {name}: changed the batch's {key}"


class Table(nn.Module):
    """A language model that looks at the last token alone: logits are its row of a table."""

    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        self.rows = nn.Parameter(rows)

    def forward(self, input_ids: Tensor, logits_to_keep: int | Tensor = 0) -> SimpleNamespace:
        keep = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        return SimpleNamespace(logits=self.rows[input_ids[:, keep]])


def sample_batches() -> list[Any]:
    tokens = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 0]])
    labels = tokens.clone()
    labels[:, :2] = IGNORE
    ragged = labels.clone()
    ragged[1, 2] = IGNORE
    index = torch.tensor([4, 0, 2])
    weights = torch.tensor([[1.0, 1.0, 0.5, 2.0], [1.0, 1.0, 1.0, 0.25], [1.0, 1.0, 3.0, 1.0]])
    contexts = ContextBatch(tokens[:, :2], torch.tensor([0.2, 0.5, 0.3]), torch.tensor([0, 0, 1, 2, 2]),
                            torch.tensor([1, 2, 3, 0, 12]), torch.tensor([0.5, 0.5, 1.0, 0.25, 0.75]))  # fmt: skip
    return [
        Batch(tokens, labels, columns=2, index=index),
        Batch(tokens, ragged, index=index),
        Batch(tokens, labels, weights=weights, columns=torch.tensor([2, 3]), index=index),
        contexts,
    ]


# -- measurements ----------------------------------------------------------------------------------------------------


def check_measurement(name: str, evidence: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    """A pure function of exactly the evidence it declares. `other` holds different evidence of the same shapes."""
    part: Measurement = get("measurement", name)
    assert part.name == name
    assert part.source
    assert part.chance
    declared = (*part.inputs, *part.optional_inputs)
    assert part.inputs
    assert set(declared) <= set(evidence), f"measurement {name}: nothing provides {set(declared) - set(evidence)}"
    given = {key: _copy(value) for key, value in evidence.items()}
    found = part(given)
    assert found
    assert all(isinstance(value, float) for value in found.values())
    assert all(_same(given[key], evidence[key]) for key in evidence), f"measurement {name}: changed its input"
    assert part(given) == found, f"measurement {name}: the same evidence gives other numbers"
    assert part({key: evidence[key] for key in declared}) == found, (
        f"measurement {name}: reads what it does not declare"
    )
    for key in declared:
        changed = part({**evidence, key: other[key]})
        assert changed != found, f"measurement {name}: declares '{key}' and does not read it"
    for key in part.inputs:
        _one_line(lambda key=key: part({**evidence, key: None}), f"measurement '{name}' needs '{key}'")
    wide = {key: _as(value, torch.float64) for key, value in evidence.items()}
    narrow = {key: _as(value, torch.float32) for key, value in evidence.items()}
    assert part(wide) == pytest.approx(part(narrow), rel=1e-4, abs=1e-5), f"measurement {name}: float32 is not float64"
    for key in re.findall(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b", part.chance):
        assert any(key in one for one in found), (
            f"measurement {name}: its chance level names '{key}', which is not there"
        )


def _copy(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def _same(one: Any, two: Any) -> bool:
    return torch.equal(one, two) if isinstance(one, Tensor) else one == two


def _as(value: Any, dtype: torch.dtype) -> Any:
    return value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value


# -- studies ---------------------------------------------------------------------------------------------------------


def check_study(name: str) -> None:
    """Three scales of one Spec, experiments with valid cells at each, claims that name an experiment."""
    study: Study = get("study", name)
    assert study.name == name
    assert set(study.scales) == {"smoke", "laptop", "paper"}
    assert len({type(scale) for scale in study.scales.values()}) == 1
    for scale in study.scales.values():
        assert type(scale).model_validate_json(scale.model_dump_json()) == scale
    assert study.citation.startswith("@")
    assert study.title
    assert study.paper
    known = [experiment.name for experiment in study.experiments]
    assert len(set(known)) == len(known)
    assert any(experiment.headline for experiment in study.experiments)
    ids = [claim.id for claim in study.claims]
    assert len(set(ids)) == len(ids)
    for claim in study.claims:
        assert claim.experiment in known, f"claim {claim.id}: no experiment '{claim.experiment}'"
        for words in (claim.statement, claim.source, claim.reported, claim.why):
            assert words, f"claim {claim.id}: says too little"
        assert claim.statement.endswith(".")
    assert isinstance(study.finding({}), str), "nothing found must not break the first screen"
    for experiment in study.experiments:
        for scale, own in study.scales.items():
            check_cells(experiment.cells(own, range(experiment.seeds[scale])), f"{experiment.name} at {scale}")


def check_cells(cells: Iterable[Any], where: str) -> None:
    """Cells have names that are folders, one of each condition and seed, valid specs and functions that exist.

    A cell is a training, or a work; only a work can need shared trainings, and only a training has an afterwards.
    """
    seen: set[tuple[str, int]] = set()
    for cell in cells:
        key = (cell.condition, cell.seed)
        assert key not in seen, f"{where}: two cells are {key}"
        seen.add(key)
        assert re.fullmatch(r"[A-Za-z0-9(),._-]+", cell.condition), f"{where}: '{cell.condition}' is no folder name"
        assert cell.spec.seed == cell.seed, f"{where}: {key} trains with seed {cell.spec.seed}"
        assert type(cell.spec).model_validate(cell.spec.model_dump(mode="json")) == cell.spec
        assert cell.cost > 0
        if isinstance(cell.spec, Work):
            assert not cell.after, f"{where}: {key} is a work; what it works out is its function's own"
            assert not cell.spec.needs, f"{where}: {key} names paths; say what it needs in the cell"
            assert callable(named_function(cell.spec.function))
            for name, need in cell.needs.items():
                assert name
                assert need.cost > 0
                assert TrainSpec.model_validate(need.spec.model_dump(mode="json")) == need.spec
        else:
            assert not cell.needs, f"{where}: {key} is a training; only a work can need others"
            assert not cell.after or callable(named_function(cell.after))


def check_exhibits(exhibits: Iterable[Any], folder: Path) -> None:
    """Pictures have names of their own and survive the way to disk and back."""
    seen: set[str] = set()
    for exhibit in exhibits:
        assert exhibit.id not in seen, f"two exhibits are called {exhibit.id}"
        seen.add(exhibit.id)
        assert exhibit.title
        path = write_exhibit(folder, exhibit)
        assert type(exhibit).model_validate_json(path.read_bytes()).model_dump_json() == exhibit.model_dump_json()


# -- tests of parts --------------------------------------------------------------------------------------------------


def untested(entries: Mapping[str, str], tests: Path) -> list[str]:
    """Return a line for every part without a test.

    entries: registered name -> "geomem.room.module:ATTRIBUTE". The module needs a test file that mirrors it, and some
    test of its room must mention the part by class, function or registered name.
    """
    missing: list[str] = []
    for name, place in entries.items():
        module, _, attribute = place.partition(":")
        *rooms, stem = module.split(".")[1:]
        mirror = tests.joinpath(*rooms, f"test_{stem}.py")
        if not mirror.is_file():
            missing.append(f"{name}: {module} has no test file {mirror.relative_to(tests.parent)}")
            continue
        part = getattr(importlib.import_module(module), attribute)
        words = {
            attribute,
            f'"{name}"',
            name.replace("-", "_"),
            getattr(getattr(part, "function", None), "__name__", attribute),
        }
        text = "\n".join(file.read_text(encoding="utf-8") for file in sorted(mirror.parent.glob("test_*.py")))
        if not any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) for word in words):
            missing.append(f"{name}: no test in {mirror.parent.relative_to(tests.parent)} mentions {attribute}")
    return missing
