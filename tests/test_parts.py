from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from geomem.errors import InputError
from geomem.parts import describe_part, listing, registries

KINDS = {"graph", "task", "model", "objective", "measurement", "probe", "study"}


def _text(view: object) -> str:
    console = Console(file=io.StringIO(), width=200)
    for one in view.renderables():  # type: ignore[attr-defined]
        console.print(one)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("word", "kind"),
    [("model", "model"), ("models", "model"), ("study", "study"), ("studies", "study"), ("tasks", "task")],
)
def test_one_kind_by_its_singular_or_plural(word: str, kind: str) -> None:
    assert list(registries(word)) == [kind]


def test_all_kinds_and_an_unknown_one() -> None:
    assert set(registries()) == KINDS
    assert all(len(registry) for registry in registries().values())
    with pytest.raises(InputError, match="unknown kind of part 'measurment'; did you mean 'measurement'"):
        registries("measurment")


def test_a_listing_names_everything() -> None:
    shown = listing(registries())
    assert set(json.loads(json.dumps(shown.data()))) == KINDS
    text = _text(shown)
    for registry in registries().values():
        for name in registry:
            assert name in text
            assert registry.summary(name) in text


def test_a_part_with_settings() -> None:
    view = describe_part("models", "transformer")
    assert view.kind == "model"
    settings = {row["name"]: row for row in view.data()["settings"]}
    assert settings["width"] == {
        "name": "width",
        "default": "64",
        "meaning": "width of token vectors; must divide by heads",
    }
    assert settings["mlp_width"]["default"] == "none"
    assert settings["tied"]["default"] == "true"
    assert "kind" not in settings
    assert "2510.26745" in view.description
    assert "width of token vectors" in _text(view)


def test_required_settings_and_nested_parts() -> None:
    assert {name: default for name, default, _ in describe_part("graph", "file").settings}["path"] == "required"
    assert {name: default for name, default, _ in describe_part("task", "in-weights-path").settings}[
        "graph"
    ] == "path-star"


def test_a_measurement_shows_what_it_reads() -> None:
    view = describe_part("measurement", "leaf-first-hop")
    assert [row[0] for row in view.settings if row[2] == "input"] == ["embeddings", "paths"]
    assert view.description.startswith("Return")


def test_a_study_and_unknown_names() -> None:
    assert describe_part("study", "geometric-memory").description
    with pytest.raises(InputError, match="did you mean 'mamba'"):
        describe_part("model", "mambo")


def test_words_in_brackets_are_not_markup() -> None:
    assert "[EDGE]" in _text(describe_part("task", "in-weights-edges"))
