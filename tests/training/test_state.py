from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch
from torch import nn

from geomem.errors import RunError
from geomem.runs.tables import History
from geomem.training import state as module
from geomem.training.state import TrainState


def _state() -> TrainState:
    model = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    history = History()
    history.add(0, {"loss": 2.0})
    history.add(3, {"accuracy": 0.5})
    return TrainState(4, 1, 2, 1.5, history, model.state_dict(), optimizer.state_dict())


def test_everything_comes_back_the_generator_included(tmp_path: Path) -> None:
    saved = _state()
    torch.manual_seed(5)
    saved.save(tmp_path / "resume" / "state.pt")
    expected = torch.rand(3)
    torch.manual_seed(6)
    loaded = TrainState.load(tmp_path / "resume" / "state.pt")
    assert torch.equal(torch.rand(3), expected)
    assert (loaded.step, loaded.stage, loaded.met, loaded.seconds) == (4, 1, 2, 1.5)
    assert loaded.history.state() == saved.history.state()
    assert all(torch.equal(loaded.model[name], value) for name, value in saved.model.items())
    first, second = loaded.optimizer["state"][0], saved.optimizer["state"][0]
    assert all(torch.equal(first[name], second[name]) for name in ("exp_avg", "exp_avg_sq", "step"))


def test_a_missing_state_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"state\.pt: no saved state to resume from"):
        TrainState.load(tmp_path / "state.pt")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"\x80\x04N."], ids=["empty", "torn", "pickle"])
def test_a_damaged_state_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.pt").write_bytes(content)
    with pytest.raises(RunError, match="the saved state cannot be read") as caught:
        TrainState.load(tmp_path / "state.pt")
    assert "\n" not in str(caught.value)


def test_a_full_disk_keeps_the_last_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.pt"
    _state().save(path)
    before = path.read_bytes()

    class Full:
        """A file on a disk that takes a hundred bytes."""

        room = 100

        def write(self, data: bytes) -> int:
            self.room -= len(data)
            if self.room < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return len(data)

        def flush(self) -> None: ...

    save = torch.save
    monkeypatch.setattr(module.torch, "save", lambda content, _file: save(content, Full()))
    with pytest.raises(RunError, match="the disk is full; free some space and go on with --resume"):
        _state().save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["state.pt"]
