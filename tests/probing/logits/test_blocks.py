"""A matrix on disk is the matrix in memory, whatever happens in between."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from geomem.errors import RunError
from geomem.models.adapters import adapt
from geomem.probing.logits import blocks
from geomem.probing.logits.blocks import Blocks, read_matrix
from geomem.probing.logits.language import LanguageModel
from geomem.training.progress import Event
from tests.models.adapters.checkpoints import VOCAB, build

FUTURES = [torch.tensor(one, dtype=torch.int64) for one in ([], [4], [4, 9], [7, 7, 7], [31, 2])]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two histories a block, and two futures at a time in the end."""
    monkeypatch.setattr(blocks, "BLOCK_ENTRIES", 2 * len(FUTURES) * 32)


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return LanguageModel(adapt(build("gpt2")))


def histories(count: int = 7, seed: int = 0) -> Tensor:
    return torch.randint(1, VOCAB, (count, 6), generator=torch.Generator().manual_seed(seed))


class Counted:
    """A model that counts the histories it reads, and can be killed before one."""

    def __init__(self, model: LanguageModel, fail_at: int = 10**6) -> None:
        self._model, self.count, self.fail_at = model, 0, fail_at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def states(self, rows: Tensor, futures: Any) -> Tensor:
        if self.count >= self.fail_at:
            raise KeyboardInterrupt
        self.count += len(rows)
        return self._model.states(rows, futures)


@pytest.mark.parametrize("tokens", [None, 5])
def test_disk_equals_memory(model: LanguageModel, tmp_path: Path, tokens: int | None) -> None:
    expected = model.matrix(histories(), FUTURES, tokens=tokens)
    events: list[Event] = []
    found = Blocks(tmp_path / "m", histories(), FUTURES, tokens).build(model, events.append)
    again = read_matrix(tmp_path / "m")
    for one in (found, again):
        assert torch.equal(one.columns, expected.columns)
        torch.testing.assert_close(one.values, expected.values, atol=1e-5, rtol=0)
    assert sorted(file.name for file in (tmp_path / "m").iterdir()) == ["logits.json", "logits.safetensors"]
    assert [event.step for event in events] == [10, 20, 30, 35, 35]
    assert events[-1].done
    assert all(event.steps == 35 and event.unit == "pairs" and event.rate > 0 for event in events[:-1])


def test_a_block_reads_few_tokens(model: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ENTRIES", 1 << 23)
    monkeypatch.setattr(blocks, "BLOCK_TOKENS", 3 * (6 + 7))  # three histories with all their futures
    events: list[Event] = []
    Blocks(tmp_path / "m", histories(), FUTURES).build(model, events.append)
    assert [event.step for event in events] == [15, 30, 35, 35]


def test_a_killed_run_goes_on(model: LanguageModel, tmp_path: Path) -> None:
    plan = Blocks(tmp_path / "m", histories(), FUTURES, 5)
    killed: Any = Counted(model, fail_at=4)
    with pytest.raises(KeyboardInterrupt):
        plan.build(killed)
    with pytest.raises(RunError, match="no finished"):
        read_matrix(plan.folder)
    rest: Any = Counted(model)
    found = plan.build(rest)
    assert rest.count == 3  # of 7, four were finished
    expected = Blocks(tmp_path / "other", histories(), FUTURES, 5).build(model)
    assert torch.equal(found.values, expected.values)
    assert torch.equal(found.columns, expected.columns)
    idle: Any = Counted(model)
    assert torch.equal(plan.build(idle).values, found.values)
    assert idle.count == 0


def test_a_full_disk_is_one_line_and_loses_nothing(
    model: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Blocks(tmp_path / "m", histories(), FUTURES, 5)
    written: list[str] = []
    save = blocks.save_file

    def full(tensors: Any, file: str) -> None:
        if len(written) == 2:
            Path(file).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(file)
        save(tensors, file)

    monkeypatch.setattr(blocks, "save_file", full)
    with pytest.raises(RunError, match="the disk is full") as told:
        plan.build(model)
    assert "\n" not in str(told.value)
    kept = sorted(file.name for file in plan.folder.iterdir())
    assert kept == ["logits.json", "states-00000.safetensors", "states-00001.safetensors"]
    monkeypatch.setattr(blocks, "save_file", save)
    rest: Any = Counted(model)
    found = plan.build(rest)
    assert rest.count == 3
    torch.testing.assert_close(found.values, model.matrix(histories(), FUTURES, tokens=5).values, atol=1e-5, rtol=0)


def test_nothing_is_overwritten(model: LanguageModel, tmp_path: Path) -> None:
    Blocks(tmp_path / "m", histories(), FUTURES, 5).build(model)
    with pytest.raises(RunError, match="another model or other sequences"):
        Blocks(tmp_path / "m", histories(seed=1), FUTURES, 5).build(model)
    with pytest.raises(RunError, match="another model or other sequences"):
        Blocks(tmp_path / "m", histories(), FUTURES, 6).build(model)
    changed = build("gpt2")
    with torch.no_grad():
        changed.transformer.h[1].mlp.c_fc.weight.add_(0.01)
    with pytest.raises(RunError, match="another model or other sequences"):
        Blocks(tmp_path / "m", histories(), FUTURES, 5).build(LanguageModel(adapt(changed)))
    for change in (_one_weight, _one_setting):
        with pytest.raises(RunError, match="another model or other sequences"):
            Blocks(tmp_path / "m", histories(), FUTURES, 5).build(LanguageModel(adapt(change(build("gpt2")))))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="holds other files"):
        Blocks(tmp_path / "mine", histories(), FUTURES).build(model)


def _one_weight(model: Any) -> Any:
    """Change one number of the last weights of many: an edited fact, not another model."""
    with torch.no_grad():
        model.transformer.h[2].mlp.c_proj.weight[17, 11] += 1e-3
    return model


def _one_setting(model: Any) -> Any:
    """Change what the weights do, and none of them."""
    model.config.layer_norm_epsilon = 0.1
    return model


def test_a_kill_at_the_very_end_or_beginning_leaves_nothing_behind(model: LanguageModel, tmp_path: Path) -> None:
    plan = Blocks(tmp_path / "m", histories(), FUTURES, 5)
    plan.folder.mkdir()
    (plan.folder / ".logits.json.123.tmp").write_text("{")  # killed while the header was written
    found = plan.build(model)
    (plan.folder / "states-00003.safetensors").write_bytes(b"")  # killed while blocks were deleted
    (plan.folder / ".states-00001.safetensors.123.tmp").write_bytes(b"")
    assert torch.equal(plan.build(model).values, found.values)
    assert sorted(file.name for file in plan.folder.iterdir()) == ["logits.json", "logits.safetensors"]


@pytest.mark.parametrize("block", range(4))
def test_a_kill_in_the_middle_of_a_block_changes_no_bit(
    model: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    expected = Blocks(tmp_path / "whole", histories(), FUTURES, 5).build(model)
    plan, save, calls = Blocks(tmp_path / "m", histories(), FUTURES, 5), blocks.save_file, list[str]()

    def dies(tensors: Any, file: str) -> None:
        calls.append(file)
        if len(calls) == block + 1:
            Path(file).write_bytes(b"half of a block")
            raise KeyboardInterrupt
        save(tensors, file)

    monkeypatch.setattr(blocks, "save_file", dies)
    with pytest.raises(KeyboardInterrupt):
        plan.build(model)
    monkeypatch.setattr(blocks, "save_file", save)
    found = plan.build(model)
    assert torch.equal(found.values, expected.values)
    assert torch.equal(found.columns, expected.columns)


def test_a_place_that_cannot_be_written_is_one_line(model: LanguageModel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    with pytest.raises(RunError, match="a part of the path is a file") as told:
        Blocks(tmp_path / "file" / "m", histories(), FUTURES).build(model)
    assert "\n" not in str(told.value)
    with pytest.raises(RunError, match="holds other files"):
        Blocks(tmp_path / "file", histories(), FUTURES).build(model)


def test_damage_is_named(model: LanguageModel, tmp_path: Path) -> None:
    plan = Blocks(tmp_path / "m", histories(), FUTURES, 5)
    killed: Any = Counted(model, fail_at=4)
    with pytest.raises(KeyboardInterrupt):
        plan.build(killed)
    (plan.folder / "states-00001.safetensors").write_bytes(b"not a tensor")
    with pytest.raises(RunError, match=r"states-00001\.safetensors: damaged"):
        plan.build(model)
    (plan.folder / "logits.safetensors").write_bytes(b"neither")
    for read in (lambda: read_matrix(plan.folder), lambda: plan.build(model)):
        with pytest.raises(RunError, match=r"cannot be read.* delete its folder to make it anew"):
            read()
    (plan.folder / "logits.json").write_text("{")
    with pytest.raises(RunError, match=r"logits\.json: cannot be read.* delete its folder to begin anew"):
        plan.build(model)
