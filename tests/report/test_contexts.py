from __future__ import annotations

import pytest
import torch

from geomem.contexts.matrix import ContextMatrix
from geomem.contexts.pictures import sizes_picture, spectrum_picture, support_picture
from geomem.contexts.supports import centred_svd, support_patterns
from geomem.report.contexts import contexts_sheet


def sheet(kind: str, name: str = "word", contexts: int = 5) -> bytes:
    data = torch.tensor([(c, t) for c in range(contexts) for t in range(c + 1)])
    matrix = ContextMatrix.from_pairs(data[:, :1], data[:, 1])
    svd = centred_svd(support_patterns(matrix), 5)
    support = support_picture(matrix, lambda tokens: [f"{name}{token}" for token in tokens])
    return contexts_sheet(sizes_picture(matrix), spectrum_picture(svd), support, kind)


@pytest.mark.parametrize(("kind", "head"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_the_sheet_is_the_same_file_every_time(kind: str, head: bytes):
    assert sheet(kind).startswith(head)
    assert sheet(kind) == sheet(kind)


def test_words_are_names_and_never_formulas_or_markup():
    text = sheet("svg", "<b>$x_").decode()
    assert "&lt;b&gt;$x_" in text
    assert "<b>" not in text
    assert "Support of the most frequent contexts" in text


def test_a_single_context_is_drawn():
    assert len(sheet("svg", contexts=1)) > 1000
