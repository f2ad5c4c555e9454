from __future__ import annotations

from geomem.studies.algorithmic_creativity.cells import length_cells, list_cells, sibling_cells, triangle_cells
from geomem.studies.algorithmic_creativity.settings import LAPTOP, PAPER
from geomem.training.spec import TrainSpec
from tests.studies.small_runs import untrained_scores


def specs(cells: list) -> dict[str, TrainSpec]:  # type: ignore[type-arg]
    return {cell.condition: cell.spec for cell in cells}


def test_methods_share_everything_but_the_objective_and_its_passes() -> None:
    found = specs(sibling_cells(LAPTOP, [0]))
    assert found["ntp"].steps == found["ntp-seed"].steps == 2 * found["hybrid-seed"].steps == 3500
    plain = found["ntp"].model_dump()
    for spec in found.values():
        other = spec.model_dump()
        assert other["task"] == plain["task"]
        assert other["stages"][0]["optimizer"] == plain["stages"][0]["optimizer"]
        assert {**other["model"], "causal": True} == plain["model"]
    assert [name for name, spec in found.items() if not spec.model_dump()["model"]["causal"]] == ["diffusion"]


def test_the_hybrid_goes_behind_a_seed() -> None:
    objective = specs(sibling_cells(LAPTOP, [0]))["hybrid-seed"].model_dump()["objective"]
    assert (objective["kind"], objective["length"], objective["of"]["kind"]) == ("seed", 4, "hybrid-teacherless")


def test_a_seed_of_length_0_is_none() -> None:
    found = specs(length_cells(LAPTOP, [0]))
    assert found["seed-length-0"].model_dump()["objective"]["kind"] == "next-token"
    assert [found[f"seed-length-{n}"].model_dump()["objective"]["length"] for n in (3, 6)] == [3, 6]


def test_published_sizes() -> None:
    task = specs(sibling_cells(PAPER, [0]))["ntp"].model_dump()["task"]
    assert (task["parents"], task["children"], task["train_size"], task["samples"]) == (5, 500, 50_000, 3000)
    graph = specs(triangle_cells(PAPER, [0]))["triangle-ntp"].model_dump()["task"]
    assert (graph["nodes"], graph["degree"], graph["closures"]) == (999, 3, 6)
    lists = specs(list_cells(PAPER, [0]))
    assert lists["circle-ntp"].model_dump()["task"]["length"] == 9
    assert lists["line-ntp"].model_dump()["task"]["length"] == 10


def test_long_sequences_have_their_positions() -> None:
    small = {"entities": 26, "nodes": 25, "samples": 4, "train_size": 4, "held_out_size": 2, "seed_length": 3}
    for cell in list_cells(LAPTOP.model_copy(update={"lists": LAPTOP.lists.model_copy(update=small)}), [0]):
        assert untrained_scores(cell.spec)
