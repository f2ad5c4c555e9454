from __future__ import annotations

from pathlib import Path

import pytest

from geomem.graphs import GRAPHS
from geomem.graphs.countries import CountriesSpec
from geomem.graphs.files import FileSpec
from geomem.graphs.parse import graph_from_text
from geomem.graphs.path_star import PathStarSpec
from tests.graphs.checks import fails


@pytest.mark.usefixtures("small_wordnet")
@pytest.mark.parametrize("kind", [kind for kind in GRAPHS if kind != "file"])
def test_every_registered_graph_builds_by_name_and_repeats(kind: str) -> None:
    spec = graph_from_text(kind)
    assert spec == GRAPHS.get(kind)()
    assert type(spec).model_fields["kind"].default == kind
    assert type(spec).model_validate(spec.model_dump()) == spec
    one, two = spec.build(3), spec.build(3)
    assert one.edges.tolist() == two.edges.tolist()
    assert one.name.startswith(kind)


def test_settings_become_numbers_and_truth_values() -> None:
    assert graph_from_text("path-star:arms=25,length=5") == PathStarSpec(arms=25, length=5)
    assert graph_from_text(" path-star: arms = 25 , permute=false,") == PathStarSpec(arms=25, permute=False)
    assert graph_from_text("countries:component=largest") == CountriesSpec(component="largest")


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("edges").write_text("a b\n")
    Path("grid").write_text("a b\n")
    assert graph_from_text("borders.csv") == FileSpec(path="borders.csv")
    assert graph_from_text("edges:format=edges") == FileSpec(path="edges", format="edges")
    assert graph_from_text("d/b.csv:source_column=a,target_column=b") == FileSpec(
        path="d/b.csv", source_column="a", target_column="b"
    )
    assert graph_from_text("file:path=b.txt") == FileSpec(path="b.txt")
    assert graph_from_text("grid") == GRAPHS.get("grid")()
    assert graph_from_text("./grid:format=edges") == FileSpec(path="./grid", format="edges")


def test_file_names_that_hold_colons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert graph_from_text("a:b=c.csv") == FileSpec(path="a:b=c.csv")
    assert graph_from_text("C:\\x.csv:source_column=a") == FileSpec(path="C:\\x.csv", source_column="a")


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("pathstar", ("unknown graph 'pathstar'", "did you mean 'path-star'")),
        ("path-stars:arms=3", ("unknown graph 'path-stars'", "did you mean 'path-star'")),
        ("", ("unknown graph ''", "cycle")),
        ("xyzzy", ("unknown graph 'xyzzy'", "choose from", "tree-star")),
        ("path-star:arm=3", ("path-star.arm", "did you mean 'arms'")),
        ("path-star:arms=many", ("path-star.arms", "integer", "'many'")),
        ("path-star:arms=0", ("path-star.arms", "greater than or equal to 1", "'0'")),
        ("path-star:arms", ("path-star", "key=value", "'arms'")),
        ("path-star:arms=3,arms=4", ("'arms' is set twice",)),
        ("path-star:kind=grid", ("path-star", "'kind' is already given")),
        ("countries:component=big", ("countries.component", "'largest'", "'big'")),
        ("erdos-renyi:probability=nan", ("probability", "finite")),
        ("b.csv:path=c.csv", ("'path' is already given",)),
        ("b.csv:sorce_column=c", ("sorce_column", "did you mean 'source_column'")),
    ],
)
def test_typos_are_one_line_with_the_nearest_name(text: str, facts: tuple[str, ...]) -> None:
    fails(lambda: graph_from_text(text), *facts)


def test_a_missing_file_is_said_when_it_is_read(tmp_path: Path) -> None:
    fails(lambda: graph_from_text(str(tmp_path / "none.csv")).build(0), "none.csv", "no such file")
