from __future__ import annotations

import sys
from pathlib import Path

import pytest

from geomem.errors import InputError
from geomem.probing.passes import measured, read_pass, tokens_of
from geomem.probing.subject import open_subject
from geomem.probing.workers import Share, read_shared
from tests.probing import tiny


def test_four_workers_find_what_one_finds(tmp_path: Path) -> None:
    """Real processes, each with its own copy of the model."""
    folder = tiny.saved(tiny.gpt2(), tmp_path / "m")
    text = str(tiny.text_file(tmp_path))
    subject = open_subject("m", str(folder), "cpu", "float32", None)
    found = []
    for workers in (1, 4):
        spec = tiny.spec(text=text, models=(str(folder),), workers=workers, dtype="float32")
        file = tmp_path / f"{workers}.int32"
        tokens_of(subject, spec, file)
        reader = read_pass(subject, "", spec, file, folder=tmp_path / f"w{workers}")
        assert reader.done == list(range(reader.plan.batches))
        rows = measured(reader, subject, "")
        found.append({(row.metric, row.layer, row.condition): row.value for row in rows.rows})
    assert found[0].keys() == found[1].keys()
    for key, value in found[0].items():
        assert found[1][key] == pytest.approx(value, rel=1e-5, abs=1e-6, nan_ok=True), key


def test_ray_is_asked_for_in_one_line_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = tiny.reader()
    monkeypatch.setitem(sys.modules, "ray", None)
    share = Share("m", "m", "", {}, "t", "s", 0, 1, 1)
    with pytest.raises(InputError, match=r"Ray is not installed; pip install 'geomem\[ray\]'"):
        read_shared(reader, [share], lambda _done, _total, _rate: None, "ray")
