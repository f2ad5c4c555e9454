from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from geomem import hardware
from geomem.errors import InputError
from geomem.hardware import (
    choose_device,
    choose_dtype,
    choose_threads,
    first_process,
    free_cores,
    free_memory,
    keep_freed_memory,
    return_freed_memory,
)


@pytest.fixture
def no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")


@pytest.mark.usefixtures("no_cuda")
def test_devices_without_cuda() -> None:
    assert choose_device("auto") == hardware.Choice("cpu", "no CUDA device")
    assert choose_device("cpu") == hardware.Choice("cpu", "asked for")
    with pytest.raises(InputError, match="--device cuda: torch sees no CUDA device here; use --device cpu"):
        choose_device("cuda")


@pytest.mark.usefixtures("cuda")
def test_devices_with_cuda() -> None:
    assert choose_device("auto") == hardware.Choice("cuda", "found a GPU")
    assert choose_device("cuda").value == "cuda"
    assert choose_device("cpu").value == "cpu"


@pytest.mark.parametrize(
    ("wanted", "device", "supported", "expected"),
    [
        ("float32", "cuda", True, "float32"),
        ("auto", "cpu", True, "float32"),
        ("auto", "cuda", True, "bfloat16"),
        ("auto", "cuda", False, "float32"),
        ("bfloat16", "cuda", False, "float32"),
        ("bfloat16", "cpu", True, "bfloat16"),
    ],
)
def test_number_formats(
    wanted: Any, device: str, supported: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: supported)
    monkeypatch.setattr(hardware, "bfloat16_works_on_cpu", lambda: supported)
    choice = choose_dtype(wanted, device)
    assert choice.value == expected
    assert choice.reason


def test_bfloat16_that_would_crash_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "bfloat16_works_on_cpu", lambda: False)
    with pytest.raises(InputError, match="crash on this CPU; use float32 or auto"):
        choose_dtype("bfloat16", "cpu")


@pytest.mark.parametrize(("code", "works"), [(0, True), (-4, False), (1, False)])
def test_the_trial_runs_in_a_child_process(code: int, works: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: Any) -> Any:
        asked.append(command)
        return SimpleNamespace(returncode=code)

    monkeypatch.setattr(subprocess, "run", run)
    hardware.bfloat16_works_on_cpu.cache_clear()
    try:
        assert hardware.bfloat16_works_on_cpu() is works
        assert hardware.bfloat16_works_on_cpu() is works
    finally:
        hardware.bfloat16_works_on_cpu.cache_clear()
    assert len(asked) == 1
    assert "bfloat16" in asked[0][-1]


@pytest.mark.parametrize(("idle", "expected"), [(100, 4), (60, 2), (25, 1), (0, 1)])
def test_free_cores_are_those_that_other_work_leaves(idle: int, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([(500, 900), (500 + idle, 1000)])
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(hardware, "_processor_ticks", lambda: next(ticks))
    monkeypatch.setattr(hardware.time, "sleep", lambda _seconds: None)
    assert choose_threads().value == str(expected)


def test_where_the_system_does_not_say_all_cores_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2}, raising=False)
    monkeypatch.setattr(hardware, "_processor_ticks", lambda: None)
    assert free_cores() == 3


def test_threads_as_asked() -> None:
    assert choose_threads(3) == hardware.Choice("3", "asked for")
    with pytest.raises(InputError, match="threads: must be at least 1, got 0"):
        choose_threads(0)


def test_the_first_process_is_the_one_that_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    assert first_process()
    monkeypatch.setenv("RANK", "0")
    assert first_process()
    monkeypatch.setenv("RANK", "1")
    assert not first_process()


@pytest.mark.parametrize("work", [keep_freed_memory, return_freed_memory])
def test_what_is_asked_of_the_allocator_never_fails(work: Callable[[], bool], monkeypatch: pytest.MonkeyPatch) -> None:
    assert work() in (True, False)

    def none(_name: object) -> Any:
        raise OSError

    monkeypatch.setattr(hardware.ctypes, "CDLL", none)
    assert work() is False


def test_free_memory_as_the_system_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.open", lambda *_, **__: io.StringIO("MemTotal: 9 kB\nMemAvailable:   3 kB\n"))
    assert free_memory() == 3 * 1024
    monkeypatch.setattr("builtins.open", lambda *_, **__: io.StringIO("MemTotal: 9 kB\n"))
    assert free_memory() is None
