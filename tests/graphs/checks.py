"""What every error a user sees must be: one line that holds the key facts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from geomem.errors import InputError


def fails(call: Callable[[], object], *facts: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 400
    for fact in facts:
        assert fact in message, message
