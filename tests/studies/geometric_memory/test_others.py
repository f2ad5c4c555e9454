from __future__ import annotations

from geomem.studies.geometric_memory import others
from geomem.studies.geometric_memory.settings import LAPTOP


def _specs(build: object) -> dict[str, object]:
    return {cell.condition: cell.spec for cell in build(LAPTOP, [0])}  # type: ignore[operator]


def test_directions_and_targets_are_crossed() -> None:
    specs = _specs(others.directions)
    assert set(specs) == {
        f"{one}-{target}" for one in ("forward", "backward", "both") for target in ("hardest", "reversed")
    }
    for name, spec in specs.items():
        assert f"{spec.task.directions}-{spec.task.target}" == name  # type: ignore[attr-defined]


def test_pauses_differ_in_pauses_alone() -> None:
    specs = _specs(others.pauses)
    assert {name: spec.task.pauses for name, spec in specs.items()} == {f"{n}-pauses": n for n in LAPTOP.pauses}  # type: ignore[attr-defined]
    tasks = {spec.task.model_copy(update={"pauses": 0}).model_dump_json() for spec in specs.values()}  # type: ignore[attr-defined]
    assert len(tasks) == 1


def test_staged_training_drops_the_edges_only_where_it_says_so() -> None:
    for name, spec in _specs(others.staged).items():
        last = spec.stages[-1].mix  # type: ignore[attr-defined]
        assert ("edges" in last) == name.startswith("mixed")
        assert spec.stages[0].mix == {"edges": 1.0}  # type: ignore[attr-defined]


def test_splits_models_and_prompts() -> None:
    assert {spec.task.split for spec in _specs(others.tree_star).values()} == {"leaf", "subtree"}  # type: ignore[attr-defined]
    assert {spec.model.kind for spec in _specs(others.mamba).values()} == {"mamba"}  # type: ignore[attr-defined]
    assert {spec.task.kind for spec in _specs(others.in_context).values()} == {"in-context-path"}  # type: ignore[attr-defined]
    assert set(_specs(others.full_path)) == {"full", "reversed"}
    assert others.no_cells(LAPTOP, [0]) == []


def test_countries_never_train_on_places() -> None:
    for spec in _specs(others.countries).values():
        assert spec.task.kind == "in-weights-edges"  # type: ignore[attr-defined]
        assert "map-recovery" in spec.measure  # type: ignore[attr-defined]


def test_the_ablation_star_is_the_headline_one_with_fewer_arms() -> None:
    star = others.ablation(LAPTOP)
    assert star.arms == LAPTOP.ablation_arms
    assert star.model_copy(update={"arms": LAPTOP.path_star.arms}) == LAPTOP.path_star
