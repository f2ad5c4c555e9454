"""Each family's checkpoint is saved and opened once for all tests that look at it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.models.adapters.checkpoints import Opened, reopened


@pytest.fixture(scope="package")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    models: dict[str, Any] = {}

    def get(name: str) -> Any:
        if name not in models:
            models[name] = reopened(name, tmp_path_factory.mktemp(name))
        return models[name]

    return get
