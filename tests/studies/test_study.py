from __future__ import annotations

import pytest

from geomem.errors import InputError
from tests.studies.toy import TOY


def test_the_headline_set_is_what_runs_by_default() -> None:
    assert [one.name for one in TOY.chosen(())] == ["learn"]
    assert [one.name for one in TOY.chosen(("all",))] == ["learn", "formula", "good"]
    assert [one.name for one in TOY.chosen(("good", "learn", "good"))] == ["good", "learn"]


def test_an_unknown_experiment_names_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown experiment of toy 'formla'; did you mean 'formula'"):
        TOY.chosen(("learn", "formla"))
    assert TOY.experiment("good").name == "good"
