from __future__ import annotations

import inspect
import re

import pytest

from geomem.studies.geometric_memory import experiments, predicates
from geomem.studies.geometric_memory.experiments import EXPERIMENTS
from geomem.studies.geometric_memory.settings import LAPTOP, PAPER, SMOKE
from tests.contract.checks import check_cells

SCALES = {"smoke": SMOKE, "laptop": LAPTOP, "paper": PAPER}


@pytest.mark.parametrize("scale", list(SCALES))
@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda one: one.name)
def test_cells_are_valid_at_every_scale(experiment: experiments.Experiment, scale: str) -> None:
    cells = experiment.cells(SCALES[scale], range(2))
    check_cells(cells, experiment.name)
    assert {cell.seed for cell in cells} == ({0, 1} if cells else set())
    for cell in cells:
        assert cell.spec.threads == 1
        assert cell.spec.steps >= 2


def _quoted(text: str) -> set[str]:
    return set(re.findall(r'"([A-Za-z0-9_-]+)"', text))


@pytest.mark.parametrize("scale", ["smoke", "laptop"])
def test_conditions_that_pictures_and_claims_name_exist(scale: str) -> None:
    """Words in the source that look like a condition ("forward-hardest", "2a-moderate-rate") must be one somewhere."""
    known = {cell.condition for one in EXPERIMENTS for cell in one.cells(SCALES[scale], range(1))}
    models = {name.partition("-")[2] for name in known}
    conditions = r"(trained|frozen|\w+-(hardest|reversed|full)|\d[a-z]?-[a-z-]+|(leaf|subtree)-split|cycle-[A-Za-z-]+)"
    ids = {"directions-reversed"}  # names of pictures
    source = inspect.getsource(predicates) + inspect.getsource(experiments)
    named = {word for word in _quoted(source) if re.fullmatch(conditions, word)} - ids
    assert len(named) > 15
    assert named <= known | models
