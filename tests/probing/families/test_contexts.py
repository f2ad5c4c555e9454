from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from geomem.cli import main
from geomem.contexts.files import open_contexts, save_contexts
from geomem.contexts.statistics import unigram_entropy
from geomem.errors import InputError
from geomem.probing import probe
from geomem.probing.extra import Task
from geomem.probing.families.contexts import ContextGeometry
from geomem.probing.rows import Rows
from tests.probing import tiny
from tests.probing.counted import drawn, origin, saved_counts

SETTINGS = {"max_tokens": 256, "batch_tokens": 128, "context": 32, "sample": 64}


def measured(folder: str, condition: str = "", **changes: object) -> Rows:
    settings = tiny.spec(contexts=folder, **changes)
    rows = Rows("tiny", condition)
    ContextGeometry().measure(Task(tiny.subject(), condition, settings, tiny.plan(settings)), rows, lambda *_: None)
    return rows


def test_every_number_has_its_chance_and_agrees_with_the_model_itself(tmp_path: Path) -> None:
    folder = saved_counts(tmp_path)
    matrix = open_contexts(Path(folder)).matrix
    rows = measured(folder)
    with torch.no_grad():
        logs = tiny.gpt2()(matrix.contexts).logits[:, -1].double().log_softmax(1)
    loss = -float((matrix.dense() * logs.T).sum(0) @ matrix.shares())
    inside = float((logs.exp().T * matrix.support()).sum(0) @ matrix.shares())
    assert rows.value("contexts/loss") == pytest.approx(loss, rel=1e-5)
    assert rows.value("contexts/gap") == pytest.approx(loss - float(matrix.entropy()), rel=1e-5)
    assert rows.value("contexts/inside") == pytest.approx(inside, rel=1e-5)
    chance = {(row.metric, row.layer): row.value for row in rows.rows if row.condition == "chance"}
    assert chance[("contexts/loss", None)] == pytest.approx(unigram_entropy(matrix))
    for name in ("gap", "inside", "log_odds", "direction"):
        assert math.isfinite(rows.value(f"contexts/{name}"))
        assert ("contexts/" + name, None) in chance
    layers = {row.layer for row in rows.rows if row.metric == "contexts/support_cka" and row.condition == ""}
    assert layers == set(range(tiny.LAYERS + 1))
    assert rows.value("contexts/contexts") == len(matrix) == 40
    assert any("the 40 most frequent of 40 contexts" in line for line in rows.lines)
    assert rows.arrays["contexts/states"].shape == rows.arrays["contexts/supports"].shape == (20, 20)
    torch.testing.assert_close(rows.arrays["contexts/supports"].diagonal(), torch.ones(20))


def test_layers_asked_for_and_contexts_without_an_order(tmp_path: Path) -> None:
    folder = saved_counts(tmp_path, 1)
    rows = measured(folder, layers=(1, 3))
    assert {row.layer for row in rows.rows if row.metric == "contexts/support_cka"} == {1, 3}
    assert measured(folder, "shuffled").rows == []
    assert measured(saved_counts(tmp_path, 3), "shuffled").value("contexts/gap") > 0


def test_a_model_trained_on_the_contexts_says_and_holds_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Animals and things: what follows depends on the word before, with shared supports.
    story, saved = tmp_path / "story.txt", tmp_path / "counts"
    story.write_text("the cat sat . a dog sat . the dog ran . a cat ran . the mat lay . a rug lay . a mat was . "
                     "the rug was . the cat was . a dog was . " * 20, encoding="utf-8")  # fmt: skip
    assert main(["context", str(story), "--context", "2", "--save", str(saved), "--json"]) == 0
    changes = ["task=contexts", f"task.text={saved}", "model=transformer", "model.width=16", "model.layers=1",
               "model.heads=2", "stages.0.steps=150", "stages.0.optimizer.lr=0.02", "evaluate_every=150"]  # fmt: skip
    words = [word for change in changes for word in ("--set", change)]
    capsys.readouterr()
    assert main(["train", *words, "--device", "cpu", "--out", str(tmp_path / "runs"), "--json"]) == 0
    trained = json.loads(capsys.readouterr().out)
    options = "--measure contexts --max-tokens 64 --batch-tokens 64 --context 8 --json"
    assert main(["probe", trained["run"], "--text", str(story), "--contexts", str(saved), *options.split(),
                 "--out", str(tmp_path / "probes"), "--device", "cpu"]) == 0  # fmt: skip
    shown = json.loads(capsys.readouterr().out)
    found = {(row["metric"], row.get("layer"), row["condition"]): row["value"] for row in shown["measurements"]}
    own, twin = ({name: found[(f"contexts/{name}", None, condition)] for name in ("gap", "inside", "direction")}
                 for condition in ("", "untrained"))  # fmt: skip
    assert own["gap"] == pytest.approx(trained["metrics"]["contexts/entropy_gap"], rel=1e-3)
    assert own["gap"] < 0.1 * found[("contexts/gap", None, "chance")]
    assert own["inside"] > 0.95 > 2 * twin["inside"]
    assert own["direction"] > 0.5 > twin["direction"]
    for name in ("support_cka", "within"):
        assert found[(f"contexts/{name}", 1, "")] > found[(f"contexts/{name}", 1, "untrained")] + 0.2
    assert any("of the model's mass is on tokens that were counted there" in note for note in shown["notes"])
    page = Path(shown["report"]).read_text(encoding="utf-8")
    assert "Predictions after the counted contexts" in page
    assert "States after the counted contexts" in page


def test_python_takes_a_folder_too_and_refuses_as_the_command_does(tmp_path: Path) -> None:
    folder = saved_counts(tmp_path)
    text = tiny.text_file(tmp_path)
    found = probe(tiny.gpt2(), text, tokenizer=tiny.tokenizer(), measure=("contexts",), contexts=folder, **SETTINGS)
    assert set(found.profile("contexts/support_cka", "untrained")) == set(range(tiny.LAYERS + 1))
    assert found.profile("contexts/support_cka", "shuffled")
    with pytest.raises(InputError, match="was counted with another tokenizer"):
        probe(tiny.gpt2(), tiny.tokens(), contexts=folder, **SETTINGS)
    with pytest.raises(InputError, match="--contexts DIR"):
        probe(tiny.gpt2(), text, tokenizer=tiny.tokenizer(), measure=("contexts",), **SETTINGS)


def test_ids_without_a_tokenizer_are_taken_on_trust(tmp_path: Path) -> None:
    save_contexts(origin(drawn(20)), tmp_path / "ids")
    found = probe(tiny.gpt2(), tiny.tokens(), measure=("contexts",), controls=(), contexts=str(tmp_path / "ids"),
                  **SETTINGS)  # fmt: skip
    assert found.profile("contexts/support_cka")
