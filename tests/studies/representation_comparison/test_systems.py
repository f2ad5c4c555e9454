from __future__ import annotations

from pathlib import Path

import pytest

from geomem.errors import InputError
from geomem.studies.language_model import MODEL, SIBLING, shared_lm
from geomem.studies.representation_comparison.settings import SMOKE
from geomem.studies.representation_comparison.systems import CONDITION, OTHER, folders, model_cells
from geomem.studies.study import shared_trainings
from geomem.training.work import Work
from tests.contract.checks import check_cells
from tests.probing import tiny


def test_seeds_are_each_others_other_so_that_no_model_is_trained_for_it() -> None:
    cells = model_cells(SMOKE, range(3))
    check_cells(cells, "here")
    for cell in cells:
        assert cell.needs[MODEL] == shared_lm(SMOKE.lm, cell.seed)
        assert cell.needs[OTHER] == shared_lm(SMOKE.lm, (cell.seed + 1) % 3)
        assert cell.needs[SIBLING] == shared_lm(SMOKE.lm.sibling, cell.seed)
    assert len(shared_trainings(cells)) == 6


def test_a_single_seed_has_the_next_one_beside_it() -> None:
    (cell,) = model_cells(SMOKE, [4])
    assert cell.needs[OTHER] == shared_lm(SMOKE.lm, 5)


def test_a_users_model_is_compared_with_the_small_one_or_with_a_second(tmp_path: Path) -> None:
    one = str(tiny.saved(tiny.gpt2(), tmp_path / "one"))
    two = str(tiny.saved(tiny.llama(), tmp_path / "two"))
    (alone,) = model_cells(SMOKE.model_copy(update={"model": one}), range(3))
    assert (alone.condition, alone.seed, set(alone.needs)) == (CONDITION, 0, {OTHER})
    (both,) = model_cells(SMOKE.model_copy(update={"model": one, "other": two}), range(3))
    assert not both.needs
    assert isinstance(both.spec, Work)
    assert folders(both.spec) == {MODEL: Path(one), OTHER: Path(two)}
    with pytest.raises(InputError, match="nowhere"):
        model_cells(SMOKE.model_copy(update={"model": one, "other": "nowhere"}), range(1))
