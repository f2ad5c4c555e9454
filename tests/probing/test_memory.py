from __future__ import annotations

from dataclasses import replace

import pytest

from geomem.errors import InputError
from geomem.probing.memory import bytes_a_token, check_fits, clear_memory_errors, free_bytes
from tests.probing import tiny


def test_the_estimate_covers_what_a_pass_holds() -> None:
    shape = tiny.subject().shape
    each = bytes_a_token(shape, 32, attention=False)
    streams = 4 * (shape.layers + 1) * shape.width
    assert each > streams
    assert bytes_a_token(replace(shape, width=32), 32, attention=False) > 1.5 * each
    assert bytes_a_token(shape, 32, attention=True) > each


def test_a_batch_that_does_not_fit_is_refused_with_one_that_does() -> None:
    check_fits(1000, 1000, 100, 2_000_000)
    check_fits(10**9, 1000, 100, None)
    with pytest.raises(InputError) as caught:
        check_fits(4096, 10 * 2**20, 512, 11 * 2**30)
    assert str(caught.value) == (
        "out of memory: --batch-tokens 4096 needs about 40.0 GiB, 11.0 GiB are free; --batch-tokens 512 would fit"
    )
    with pytest.raises(InputError, match=r"not even one window of 512 tokens fits: try --context 92 --batch-tokens 92"):
        check_fits(4096, 10 * 2**20, 512, 2**30)


def test_only_failed_allocations_become_advice() -> None:
    for error in (MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate"),
                  RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")):  # fmt: skip
        with pytest.raises(InputError, match="--batch-tokens"), clear_memory_errors(1024, 1000, 64, "cpu"):
            raise error
    with pytest.raises(RuntimeError, match="shapes differ"), clear_memory_errors(1024, 1000, 64, "cpu"):
        raise RuntimeError("shapes differ")


def test_free_memory_is_known_on_this_machine() -> None:
    found = free_bytes("cpu")
    assert found is None or found > 2**20
