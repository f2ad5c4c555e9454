from __future__ import annotations

import pytest

from geomem.errors import InputError
from geomem.spec import resolve
from geomem.tasks import TASKS
from geomem.tasks.specs import InContextPathSpec, InWeightsPathSpec


@pytest.mark.parametrize("name", list(TASKS))
def test_a_bare_name_means_all_defaults(name: str):
    spec = resolve(TASKS, name)
    assert spec == TASKS.get(name)()
    assert resolve(TASKS, spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize("name", list(TASKS))
def test_every_setting_is_explained(name: str):
    fields = TASKS.get(name).model_fields
    assert [field for field in fields if field != "kind" and not fields[field].description] == []


def test_a_graph_is_given_by_name_or_settings():
    spec = resolve(TASKS, {"kind": "in-weights-edges", "graph": {"kind": "grid", "rows": 3, "columns": 5}})
    assert spec.model_dump()["graph"]["rows"] == 3
    with pytest.raises(InputError, match="did you mean 'rows'"):
        resolve(TASKS, {"kind": "in-weights-edges", "graph": {"kind": "grid", "row": 3}})


def test_shares_of_the_loss():
    task = InWeightsPathSpec(path_share=0.4).build(0)
    assert task.default_mix() == pytest.approx({"edges": 0.6, "paths": 0.4})


def test_names_of_a_prompt():
    assert InContextPathSpec().names == 50
    assert InContextPathSpec(arms=20).names == InContextPathSpec(arms=20).star_nodes == 81
    assert InContextPathSpec(num_nodes=9).names == 9


@pytest.mark.parametrize(
    ("kind", "name"),
    [("triangle-discovery", "nodes"), ("triangle-discovery", "closures"), ("lookup", "length"), ("easy-hard", "items")],
)
def test_a_size_that_would_never_end_is_one_line(kind: str, name: str):
    with pytest.raises(InputError, match=f"{name}: input should be less than or equal to") as caught:
        resolve(TASKS, {"kind": kind, name: 10**12})
    assert "\n" not in str(caught.value)
