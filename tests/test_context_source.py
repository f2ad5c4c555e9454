"""What `geomem context` counts: texts, token arrays, tasks and the tasks of runs; options that do not go with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geomem import context_source
from geomem.cli import main
from geomem.contexts.files import open_contexts
from geomem.contexts.texts import text_contexts
from geomem.tasks.contexts import task_contexts
from geomem.tasks.specs import InWeightsPathSpec
from tests.contexts.samples import assert_equal
from tests.test_context_view import Capture, refused, told

STORY = "the cat sat on the mat and the cat ran to the mat and the dog sat on the cat . " * 3
STAR = ["--set", "graph=path-star", "--set", "graph.arms=3", "--set", "graph.length=3"]


@pytest.fixture
def story(tmp_path: Path) -> str:
    file = tmp_path / "story.txt"
    file.write_text(STORY, encoding="utf-8")
    return str(file)


def test_a_token_array_is_described_saved_and_opened(tmp_path: Path, capsys: Capture):
    file, folder = tmp_path / "ids.npy", str(tmp_path / "saved")
    np.save(file, np.array([[0, 1, 2, 0], [0, 1, 2, 2]] * 6))
    data = told(capsys, str(file), "--context", "2", "--vocabulary", "5", "--save", folder)
    assert (data["samples"], data["contexts"], data["tokenizer_tokens"]) == (24, 2, 5)
    assert data["origin"]["arrays"][0]["rows"] == 12
    assert (data["pairs"][0]["context"], data["pairs"][0]["token"]) == ("1 2", "0")
    assert told(capsys, folder)["origin"] == data["origin"]
    assert main(["context", str(file), "--context", "1", "--max-tokens", "8"]) == 0
    assert "its first 8 tokens in 2 documents" in " ".join(capsys.readouterr().out.split())


def test_a_task_has_names_on_the_page_and_on_the_disk(tmp_path: Path, capsys: Capture):
    folder, picture = tmp_path / "borders", tmp_path / "borders.svg"
    data = told(capsys, "--task", "in-weights-edges", "--set", "graph=countries", "--least", "5",
                "--save", str(folder), "--draw", str(picture))  # fmt: skip
    (task,) = data["origin"]["tasks"]
    assert (task["settings"]["kind"], task["settings"]["graph"]["kind"], task["seed"]) == (
        "in-weights-edges", "countries", 0)  # fmt: skip
    assert "Germany" in picture.read_text(encoding="utf-8")
    opened = open_contexts(folder)
    assert opened.names is not None
    assert {"Germany", "[EDGE]"} <= set(opened.names)
    assert len(opened.names) == opened.matrix.vocabulary
    again = tmp_path / "again.svg"
    assert told(capsys, str(folder), "--draw", str(again))["contexts"] == data["contexts"]
    assert "Germany" in again.read_text(encoding="utf-8")


def test_counts_from_which_contexts_were_dropped_are_opened_and_not_merged(story: str, tmp_path: Path, capsys: Capture):
    folder = str(tmp_path / "most")
    data = told(capsys, story, "--context", "1", "--most", "3", "--save", folder)
    again = told(capsys, folder)
    assert (again["contexts"], again["origin"]) == (3, data["origin"])
    refused(capsys, [folder, "--merge", folder], "from which contexts were dropped cannot be merged")


def test_a_task_is_counted_as_python_counts_it(tmp_path: Path, capsys: Capture):
    spec = InWeightsPathSpec.model_validate({"graph": {"kind": "path-star", "arms": 3, "length": 3}})
    for length in (None, 1):
        folder = tmp_path / str(length)
        words = [] if length is None else ["--context", str(length)]
        told(capsys, "--task", "in-weights-path", *STAR, "--seed", "4", "--save", str(folder), *words)
        assert_equal(open_contexts(folder).matrix, task_contexts(spec.build(4), length))
    whole = told(capsys, "--task", "in-weights-path", *STAR, "--seed", "4", "--context", "full")
    assert whole["contexts"] == open_contexts(tmp_path / "None").matrix.contexts.shape[0]


def test_a_run_is_counted_as_its_task(tmp_path: Path, capsys: Capture):
    changes = ["task.kind=in-weights-edges", "task.graph.kind=path-star", "task.graph.arms=3", "task.graph.length=3",
               "seed=2", "model=transformer", "model.width=8", "model.layers=1", "model.heads=1",
               "stages.0.steps=2"]  # fmt: skip
    words = [word for change in changes for word in ("--set", change)]
    assert main(["train", *words, "--device", "cpu", "--out", str(tmp_path / "runs"), "--json"]) == 0
    run = json.loads(capsys.readouterr().out)["run"]
    data = told(capsys, run)
    assert data == told(capsys, "--task", "in-weights-edges", *STAR, "--seed", "2")
    refused(capsys, [run, "--seed", "3"], "has a task, which makes its own examples; --seed belongs to --task")
    header = json.loads((Path(run) / "run.json").read_text(encoding="utf-8"))
    (Path(run) / "run.json").write_text(json.dumps({**header, "kind": "probe"}), encoding="utf-8")
    refused(capsys, [run], "is a probe run, which has no task of its own")


def test_progress_has_a_rate(story: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture):
    events: list[Any] = []
    monkeypatch.setattr(context_source.Display, "__call__", lambda _display, event: events.append(event))

    def slowly(text: str, settings: Any, told: Any) -> Any:
        times = iter([0.0, 2.0])
        monkeypatch.setattr(context_source.time, "monotonic", lambda: next(times))
        told("reading", 10, 0)
        monkeypatch.setattr(context_source.time, "monotonic", lambda: next(times))
        times = iter([0.0, 2.0])
        told("contexts", 100, 300)
        told("contexts", 300, 300)
        return text_contexts(text, settings)

    monkeypatch.setattr(context_source, "text_contexts", slowly)
    assert main(["context", story]) == 0
    assert [(event.label, event.step, event.steps, event.rate) for event in events] == [
        ("contexts", 100, 300, 0.0),
        ("contexts", 300, 300, 100.0),
    ]


def test_tokens_that_were_not_read_are_recorded(story: str, tmp_path: Path, capsys: Capture):
    data = told(capsys, story, "--context", "1", "--max-tokens", "9", "--save", str(tmp_path / "saved"))
    (text,) = data["origin"]["texts"]
    assert (text["tokens"], text["max_tokens"], text["characters"]) == (9, 9, len(STORY))
    assert open_contexts(tmp_path / "saved").origin.texts[0].max_tokens == 9
    assert main(["context", str(tmp_path / "saved")]) == 0
    assert "its first 9 tokens" in " ".join(capsys.readouterr().out.split())
    assert told(capsys, story, "--context", "1")["origin"]["texts"][0]["max_tokens"] is None


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "what to count? for example: geomem context novels"),
        (["novels", "--task", "markov"], "give either novels or --task markov, not both"),
        (["--task", "markvo"], "did you mean 'markov'?"),
        (["--task", "markov", "--set", "vocabulry=3"], "--task markov.vocabulry: unknown key"),
        (["--task", "markov", "--set", "vocabulary"], "expected key=value"),
        (["--task", "markov", "--seed", "-1"], "--seed: at least 0"),
        (["--task", "markov", "--context", "0"], "--context 0: expected a number of tokens"),
        (["--task", "markov", "--tokenizer", "bpe"], "makes its own examples; --tokenizer belongs to a text"),
        (["--task", "markov", "--window", "9"], "--window belongs to a text or an array"),
        (["--task", "markov", "--max-tokens", "9"], "--max-tokens belongs to a text or an array"),
        (["--task", "markov", "--merge", "x"], "--merge adds up saved matrices, and --task markov makes its own"),
        (["ids.npy", "--tokenizer", "words"], "ids.npy: holds token ids already; --tokenizer belongs to a text"),
        (["ids.npy", "--seed", "1"], "--seed belongs to --task"),
        (["ids.npy"], "ids.npy: no such file"),
        (["novels", "--set", "a=b"], "novels: is a text; --set belongs to --task"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], expected: str, capsys: Capture):
    refused(capsys, words, expected)
