from __future__ import annotations

import torch

from geomem.probing.slab import Slab


def _slab(keep: torch.Tensor) -> Slab:
    tokens = torch.arange(6).reshape(2, 3)
    return Slab(tokens, tokens + 1, torch.tensor([4, 7]), [tokens[..., None].float()], keep)


def test_sinks_are_left_out_of_rows_windows_and_values() -> None:
    slab = _slab(torch.tensor([[False, True, True], [True, True, False]]))
    assert slab.rows(0).flatten().tolist() == [1, 2, 3, 4]
    assert slab.row_windows.tolist() == [4, 4, 7, 7]
    assert slab.kept(slab.targets).tolist() == [2, 3, 4, 5]
    assert slab.count == 4


def test_nothing_is_copied_when_all_tokens_are_kept() -> None:
    slab = _slab(torch.ones(2, 3, dtype=torch.bool))
    assert slab.rows(0).data_ptr() == slab.streams[0].data_ptr()
    assert slab.count == 6
