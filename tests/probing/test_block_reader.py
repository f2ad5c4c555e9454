from __future__ import annotations

import torch

from geomem.geometry.updates import update_scalars
from geomem.models.adapters import adapt
from geomem.probing.block_reader import BlockReader
from tests.probing import tiny


def _both(model: object) -> tuple[BlockReader, list[torch.Tensor], list[dict[str, torch.Tensor]]]:
    adapter = adapt(model)  # pyright: ignore[reportArgumentType]
    windows = tiny.tokens(64).long().reshape(2, 32)
    reader = BlockReader(len(adapter.blocks), adapter.mlp_input)
    with adapter.record(after_block=reader) as record:
        adapter.run(windows)
    assert all(part.numel() == 0 for parts in (record.attention, record.mlp) for part in parts or ())
    with adapter.record() as whole:
        adapter.run(windows)
    for one, two in zip(record.streams, whole.streams, strict=True):
        assert torch.equal(one, two)
    assert whole.attention is not None
    assert whole.mlp is not None
    wanted = [update_scalars(whole.streams[layer], whole.attention[layer], whole.mlp[layer], adapter.mlp_input,
                             whole.streams[layer + 1]) for layer in range(len(adapter.blocks))]  # fmt: skip
    return reader, record.streams, wanted


def test_numbers_taken_during_the_run_are_those_of_a_whole_record() -> None:
    for model in (tiny.gpt2(), tiny.llama(), tiny.bert()):
        reader, _, wanted = _both(model)
        assert len(reader.scalars) == len(wanted)
        for one, two in zip(reader.scalars, wanted, strict=True):
            assert one.keys() == two.keys()
            for name, values in one.items():
                assert torch.equal(values, two[name]), name


def test_all_streams_lie_in_one_piece_of_memory() -> None:
    _, streams, _ = _both(tiny.gpt2())
    assert len({stream.untyped_storage().data_ptr() for stream in streams}) == 1
