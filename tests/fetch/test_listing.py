from __future__ import annotations

import subprocess
import sys

import pytest

from geomem.errors import InputError
from geomem.fetch.listing import ITEMS


def test_unknown_name() -> None:
    with pytest.raises(InputError, match=r"^unknown item 'wikitext2'; did you mean 'wikitext-2'\?$"):
        ITEMS.get("wikitext2")


def test_the_list_waits_for_nothing_heavy() -> None:
    code = (
        "import sys, geomem.fetch as f\n"
        "[f.ITEMS.get(name) for name in f.ITEMS]\n"
        "print([name for name in ('torch', 'transformers', 'numpy', 'gguf') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
