from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from geomem.errors import RunError
from geomem.probing.keep import keep_pass, read_pass_result
from geomem.probing.rows import Rows
from tests.probing import tiny


def _kept(folder: Path) -> Path:
    rows = Rows("m", "", 7, 0)
    rows.add("spectrum/rankme", 3.5, layer=1, interval=(3.0, 4.0))
    rows.chance("spectrum/rankme", 15.0, layer=1)
    rows.add("model/loss", 2.0)
    rows.keep({"a": torch.arange(6).reshape(2, 3).double().T})
    rows.lines.append("a line")
    (folder / "p").mkdir()
    (folder / "p" / "state.pt").write_bytes(b"x")
    keep_pass(folder / "p", rows, tiny.reader(), 1.5)
    return folder / "p"


def test_a_pass_is_read_back_as_it_was_kept_and_its_state_is_dropped(tmp_path: Path) -> None:
    folder = _kept(tmp_path)
    found = read_pass_result(folder)
    assert found is not None
    assert (found.model, found.condition, found.step, found.lines) == ("m", "", 7, ["a line"])
    assert found.profile("spectrum/rankme")[1].low == 3.0
    assert found.profile("spectrum/rankme", "chance")[1].value == 15.0
    assert found.number("model/loss").value == 2.0  # type: ignore[union-attr]
    assert found.number("model/none") is None
    assert torch.equal(found.arrays()["a"], torch.arange(6).reshape(2, 3).float().T)
    assert not (folder / "state.pt").exists()
    assert found.facts["width"] == tiny.WIDTH
    held = found.held()
    (folder / "arrays.safetensors").unlink()
    assert held.arrays()["a"].shape == (3, 2)
    with pytest.raises(RunError, match=r"arrays.safetensors: cannot be read"):
        found.arrays()


def test_an_unfinished_pass_is_none_and_a_damaged_one_is_one_line(tmp_path: Path) -> None:
    assert read_pass_result(tmp_path / "nothing") is None
    folder = _kept(tmp_path)
    header = json.loads((folder / "result.json").read_text())
    del header["facts"]
    (folder / "result.json").write_text(json.dumps(header))
    with pytest.raises(RunError, match=r"result.json: cannot be read"):
        read_pass_result(folder)
