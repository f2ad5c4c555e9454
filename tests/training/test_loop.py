from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from geomem.errors import InputError
from geomem.runs.directory import Run
from geomem.runs.tables import CHANCE, History, headline_metric, read_measurements
from geomem.tasks.in_context import InContextStream
from geomem.training.cost import estimate
from geomem.training.evidence import gather
from geomem.training.loop import resume_spec, train
from geomem.training.progress import Event
from geomem.training.series import series
from geomem.training.spec import TrainSpec
from tests.texts.samples import pages
from tests.training.settings import new_run, small


def test_a_run_leaves_history_measurements_and_a_checkpoint(tmp_path: Path) -> None:
    spec = small(measure=["cosine-level", "top-degree-recovery"])
    run = new_run(tmp_path, spec)
    events: list[Event] = []
    trained = train(spec, run, events.append)
    history = History.read(run.path / "history.parquet")
    assert history.steps == list(range(31))
    assert len(history.series("loss")[0]) == 30
    assert history.series("paths/held_out/first_hop")[0] == [0, 10, 20, 30]
    assert history.series("loss/paths")[0] == list(range(12, 30))
    assert len(history.series("gradient_norm")[0]) == 18
    metrics = {row.metric for row in read_measurements(run.path / "measurements.parquet")}
    assert any(name.startswith("cosine-level/") for name in metrics)
    assert any(name.startswith("top-degree-recovery/") for name in metrics)
    assert events[-1].done
    assert (run.path / "checkpoint" / "model.safetensors").is_file()
    assert headline_metric(trained.task.chance) == "paths/held_out/first_hop"
    kept = {row.metric: row.value for row in read_measurements(run.path / "measurements.parquet")}
    scored = {name: value for name, value in trained.task.chance.items() if name in kept}
    assert scored
    assert {name: kept[f"{CHANCE}{name}"] for name in scored} == scored


def test_checkpoint_opens_with_auto_model_after_import_geomem(tmp_path: Path) -> None:
    spec = small()
    run = new_run(tmp_path, spec)
    trained = train(spec, run)
    tokens = torch.tensor([[1, 2, 3]])
    trained.model.eval()
    expected = trained.model(input_ids=tokens).logits.sum().item()
    code = (
        "import geomem, torch\nfrom transformers import AutoModelForCausalLM\n"
        f"model = AutoModelForCausalLM.from_pretrained({str(run.checkpoint)!r}).eval()\n"
        "print(model(input_ids=torch.tensor([[1, 2, 3]])).logits.sum().item())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(expected, rel=1e-6)


def test_same_seed_same_bits_other_seed_other_bits(tmp_path: Path) -> None:
    def weights(seed: int) -> torch.Tensor:
        spec = small(seed=seed)
        model = train(spec, new_run(tmp_path, spec)).model
        return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))


def test_divergence_ends_with_a_message_and_the_last_good_weights(tmp_path: Path) -> None:
    stages = [{"steps": 60, "optimizer": {"kind": "sgd", "lr": 1e30}, "schedule": {"kind": "constant"}}]
    spec = small(stages=stages, checkpoint_every=1000)
    run = new_run(tmp_path, spec)
    trained = train(spec, run)
    assert trained.status == "diverged"
    assert "lower the learning rate" in trained.message
    assert all(torch.isfinite(parameter).all() for parameter in trained.model.parameters())
    assert (run.path / "checkpoint" / "model.safetensors").is_file()


def test_early_stop_on_a_stated_criterion(tmp_path: Path) -> None:
    spec = small(stop={"metric": "edges/loss", "at_most": 100.0, "patience": 2})
    trained = train(spec, new_run(tmp_path, spec))
    assert trained.status == "stopped early"
    assert "met the stop criterion at step 10" in trained.message
    assert trained.history.steps[-1] == 10


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"stop": {"metric": "edges/los", "at_most": 1.0}}, "did you mean 'edges/loss'?"),
        (
            {"stages": [{"steps": 2, "mix": {"edge": 1.0}}]},
            "unknown stream in stage 'main' 'edge'; did you mean 'edges'?",
        ),
        ({"measure": ["map-recovery"]}, "needs 'coordinates'"),
    ],
)
def test_names_that_do_not_fit_the_task(tmp_path: Path, change: dict[str, object], expected: str) -> None:
    spec = small(**change)
    with pytest.raises(InputError) as caught:
        train(spec, new_run(tmp_path, spec))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_evaluation_does_not_change_the_training(tmp_path: Path) -> None:
    often, rarely = small(evaluate_every=1), small(evaluate_every=1000)
    first = train(often, new_run(tmp_path, often)).history.series("loss")
    assert train(rarely, new_run(tmp_path, rarely)).history.series("loss") == first


def test_resume_spec_keeps_the_threads_of_the_first_attempt(tmp_path: Path) -> None:
    spec = small(threads=1)
    run = new_run(tmp_path, spec)
    train(spec, run)
    run.unlock()
    assert resume_spec(Run.open(run.path)).threads == 1


def test_checkpoints_on_the_way_are_what_the_model_was_then(tmp_path: Path) -> None:
    spec = small(keep_at=[0, 12, 30], evaluate_every=30)
    run = new_run(tmp_path, spec)
    train(spec, run)
    folders = dict(series(run.path))
    assert list(folders) == [0, 12, 30]
    assert History.read(run.path / "history.parquet").series("paths/held_out/first_hop")[0] == [0, 12, 30]
    weights = {step: load_file(folder / "model.safetensors") for step, folder in folders.items()}
    final = load_file(run.checkpoint / "model.safetensors")
    assert all(torch.equal(weights[30][name], final[name]) for name in final)
    initial = spec.model.build(26, spec.seed).state_dict()  # type: ignore[attr-defined]
    assert all(torch.equal(weights[0][name], initial[name]) for name in weights[0])
    first = small(stages=spec.model_dump()["stages"][:1], evaluate_every=30)
    early = train(first, new_run(tmp_path, first)).model.state_dict()
    assert all(torch.equal(weights[12][name], early[name]) for name in weights[12])


def test_a_language_model_opens_with_its_tokenizer(tmp_path: Path) -> None:
    spec = text_model(tmp_path, keep_at=[0, 8])
    run = new_run(tmp_path, spec)
    trained = train(spec, run)
    assert headline_metric(trained.task.chance) == "text/held_out/accuracy"
    losses = trained.history.series("text/held_out/loss")[1]
    assert losses[-1] < losses[0] - 0.2
    for folder in (run.checkpoint, *(folder for _, folder in series(run.path))):
        tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        assert tokenizer("Emma and")["input_ids"] == trained.task.tokenizer("Emma and")["input_ids"]  # type: ignore[misc]
        model = AutoModelForCausalLM.from_pretrained(folder)
        assert model.config.vocab_size == len(tokenizer) == 300


def test_measurements_of_tables_read_all_tokens_of_a_text(tmp_path: Path) -> None:
    spec = text_model(tmp_path)
    trained = train(spec, new_run(tmp_path, spec))
    assert gather(trained.task, trained.model, set())["embeddings"].shape == (300, 16)
    with pytest.raises(InputError, match="needs 'edges'"):
        train(text_model(tmp_path, measure=["cosine-level"]), new_run(tmp_path, spec))


def text_model(folder: Path, **changes: Any) -> TrainSpec:
    (folder / "text.txt").write_text(pages(6000))
    return small(
        **{
            "task": {"kind": "text", "text": str(folder / "text.txt"), "vocabulary": 300, "context": 8},
            "model": {"kind": "transformer", "width": 16, "layers": 1, "heads": 2},
            "stages": [{"steps": 8, "batch": {"text": 16}, "optimizer": {"lr": 0.02}}],
            **changes,
        }
    )


def test_fresh_examples_never_come_twice_whatever_the_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    made = InContextStream.batch

    def noted(self: InContextStream, index: torch.Tensor) -> Any:
        seen.extend(index.tolist())
        return made(self, index)

    monkeypatch.setattr(InContextStream, "batch", noted)
    task = {"kind": "in-context-path", "length": 3, "num_nodes": 6, "train_size": None, "test_size": 4}
    stages = [{"steps": 3, "batch": {"paths": 5}}, {"steps": 2, "batch": {"paths": 2}}]
    spec = small(task=task, stages=stages)
    train(spec, new_run(tmp_path, spec))
    assert seen == [18, *range(19)]  # the last is looked at first, to see whether all fit the objective
    endless = small(task=task, stages=[{"steps": 3}])
    with pytest.raises(InputError, match="stream 'paths' has no end; give its batch size"):
        train(endless, new_run(tmp_path, endless))
    (line,) = [line for line in estimate(spec).lines() if line.startswith("data:")]
    assert line == "data: endless paths"
