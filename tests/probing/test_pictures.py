from __future__ import annotations

from dataclasses import replace

import torch

from geomem.probing.findings import Probed
from geomem.probing.pictures import layer_table, pictures, profile_panel
from geomem.report.figures import draw
from geomem.runs.exhibits import Curves, Heatmap, Profiles, Table
from tests.probing.test_findings import result

OWN = {"spectrum/rankme": [5.0, 4.0, 3.0], "updates/update_ratio": [2.0, 0.5], "lens/kl": [3.0, 1.0, 0.0]}


def _probed(name: str = "m") -> Probed:
    arrays = {
        "spectrum/eigenvalues": torch.rand(3, 8).sort(1, descending=True).values,
        "comparison/cka": torch.eye(3),
        "spectrum/layers": torch.arange(3),
        "comparison/layers": torch.arange(3),
        "attention/places": torch.ones(2, 4),
    }
    own = result(OWN, chance={"spectrum/rankme": 7.0}, layers=2)
    rows = [row.model_copy(update={"model": name}) for row in own.rows]
    return Probed(
        replace(own, model=name, rows=rows, kept=arrays),
        replace(result({"spectrum/rankme": [6.0, 6.0, 6.0]}, condition="untrained", layers=2), kept=arrays),
    )


def test_one_model_is_drawn_beside_its_null_models_and_chance() -> None:
    panel = profile_panel([_probed()], "spectrum/rankme")
    assert panel is not None
    assert [one.name for one in panel.series] == ["m", "untrained twin"]
    assert panel.series[0].y == (5.0, 4.0, 3.0)
    assert [one.value for one in panel.references] == [7.0]
    assert profile_panel([_probed()], "spectrum/alpha") is None


def test_several_models_are_drawn_side_by_side_without_their_null_models() -> None:
    panel = profile_panel([_probed("a"), _probed("b")], "spectrum/rankme")
    assert panel is not None
    assert [one.name for one in panel.series] == ["a", "b"]
    (maps,) = [one for one in pictures([_probed("a"), _probed("b")]) if one.id == "cka-map"]
    assert isinstance(maps, Heatmap)
    assert [one.title for one in maps.panels] == ["a", "b"]


def test_layers_that_were_chosen_go_by_their_own_names() -> None:
    one = _probed()
    chosen = {"spectrum/layers": torch.tensor([0, 5, 9]), "comparison/layers": torch.tensor([0, 5, 9])}
    measured = replace(one.measured, kept={**one.measured.arrays(), **chosen})
    found = {exhibit.id: exhibit for exhibit in pictures([Probed(measured)])}
    spectra, cka = found["spectra"], found["cka-map"]
    assert isinstance(spectra, Curves)
    assert isinstance(cka, Heatmap)
    assert [series.name for series in spectra.series] == ["layer 0", "layer 5", "layer 9"]
    assert cka.row_names == cka.col_names == ("0", "5", "9")


def test_a_measure_with_zeros_is_not_drawn_on_a_logarithmic_axis() -> None:
    panel = profile_panel([_probed()], "updates/update_ratio")
    assert panel is not None
    assert panel.log_y


def test_all_pictures_can_be_drawn_and_have_names_of_their_own() -> None:
    found = pictures([_probed()])
    assert len({one.id for one in found}) == len(found)
    heroes = [one for one in found if one.hero]
    assert len(heroes) == 1
    assert isinstance(heroes[0], Profiles)
    for exhibit in found:
        if not isinstance(exhibit, Table):
            draw(exhibit, "wide")  # type: ignore[arg-type]


def test_the_table_holds_every_layer_and_can_be_sorted() -> None:
    table = layer_table(_probed(), 900, 1)
    assert table.sortable
    assert table.columns[0] == "layer"
    assert [row[0] for row in table.rows] == [0, 1, 2]
    place = table.columns.index("Effective rank (RankMe)")
    assert [row[place] for row in table.rows] == [5.0, 4.0, 3.0]
    assert table.rows[2][table.columns.index("Size of a block's update")] is None
