from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from geomem.contexts.files import save_contexts
from geomem.contexts.matrix import PAD, ContextMatrix
from geomem.errors import InputError
from geomem.models.adapters import adapt
from geomem.probing import contexts
from geomem.probing.contexts import (
    FEWEST,
    check_asked,
    check_tokenizers,
    chosen_contexts,
    open_matching,
    read_contexts,
)
from geomem.probing.subject import Subject
from geomem.texts.bpe import train_bpe
from tests.probing import tiny
from tests.probing.counted import counted, drawn, origin, saved_counts


def hidden(model: Any, tokens: list[int]) -> list[torch.Tensor]:
    """Return transformers' own hidden states after the last of some tokens, up to the last layer's input."""
    with torch.no_grad():
        return [state[0, -1] for state in model(torch.tensor([tokens]), output_hidden_states=True).hidden_states[:-1]]


@pytest.mark.parametrize("batch", [4, 1000])
def test_states_are_those_of_each_context_alone_whatever_its_length(tmp_path: Path, batch: int) -> None:
    model, matrix = tiny.gpt2(), counted(tmp_path, "full", window=5, most=None).matrix.select(torch.arange(0, 900, 60))
    assert matrix.padded
    heard: list[tuple[int, int]] = []
    read = read_contexts(adapt(model), tiny.tokenizer(), matrix, batch_tokens=batch,
                         progress=lambda done, total: heard.append((done, total)))  # fmt: skip
    assert [len(stream) for stream in read.streams] == [len(matrix)] * (tiny.LAYERS + 1)
    for place, row in enumerate(matrix.contexts.tolist()):
        for layer, state in enumerate(hidden(model, [token for token in row if token != PAD])):
            torch.testing.assert_close(read.streams[layer][place], state, rtol=1e-4, atol=1e-4)
    assert heard[-1] == (len(matrix), len(matrix))


def test_the_token_before_every_text_stands_before_every_context(monkeypatch: pytest.MonkeyPatch) -> None:
    model, matrix = tiny.gpt2(), drawn(12)

    def seven(_tokenizer: object) -> int:
        return 7

    monkeypatch.setattr(contexts, "start_token", seven)
    read = read_contexts(adapt(model), tiny.tokenizer(), matrix, batch_tokens=64)
    torch.testing.assert_close(read.streams[2][5], hidden(model, [7, 5])[2], rtol=1e-4, atol=1e-4)
    plain = read_contexts(adapt(model), None, matrix, batch_tokens=64)
    torch.testing.assert_close(plain.streams[2][5], hidden(model, [5])[2], rtol=1e-4, atol=1e-4)


def test_shuffled_contexts_have_their_tokens_in_another_order(tmp_path: Path) -> None:
    model, matrix = tiny.gpt2(), counted(tmp_path, 4, most=30).matrix
    own, one, two, again = (
        read_contexts(adapt(model), None, matrix, batch_tokens=64, shuffled=seed).streams[-1]
        for seed in (None, 0, 1, 0)
    )
    assert torch.equal(one, again)
    assert not torch.allclose(one, two)
    moved = (own - one).abs().amax(1) > 1e-3
    assert 0.5 < float(moved.float().mean()) <= 1  # an order in 24 is the same


def test_the_most_frequent_contexts_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = drawn(60)
    monkeypatch.setattr(contexts, "MOST", 10)
    kept = chosen_contexts(matrix)
    assert sorted(kept.totals.tolist()) == matrix.totals.sort().values[-10:].tolist()


def refused(folder: Path, said: str, subject: Subject | None = None) -> None:
    with pytest.raises(InputError) as caught:
        open_matching(tiny.spec(contexts=str(folder)), subject or tiny.subject())
    assert said in str(caught.value)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_matrix_of_other_tokens_is_refused_with_how_to_count(tmp_path: Path) -> None:
    fits = saved_counts(tmp_path)
    model = tiny.saved(tiny.gpt2(), tmp_path / "m")
    spec = tiny.spec(models=(str(model),), contexts=fits)
    check_tokenizers(spec)
    assert open_matching(spec, tiny.subject()) is not None
    other = tiny.saved(tiny.gpt2(), tmp_path / "other", words=False)
    train_bpe(["another text altogether, with other words in it"], 270).save_pretrained(other)
    with pytest.raises(InputError) as caught:
        check_tokenizers(tiny.spec(models=(str(model), str(other)), contexts=fits))
    assert "was counted with another tokenizer than the model's" in str(caught.value)
    assert f"geomem context FILE --tokenizer {other} --save DIR" in str(caught.value)
    check_tokenizers(tiny.spec(models=(str(other),), contexts=fits, measure=("lens",)))
    check_tokenizers(tiny.spec(models=("nowhere",)))


def test_what_does_not_fit_the_model_is_one_line(tmp_path: Path) -> None:
    def saved(name: str, matrix: ContextMatrix, **changes: Any) -> Path:
        save_contexts(origin(matrix, **changes), tmp_path / name)
        return tmp_path / name

    some = drawn(20)
    names = tuple(map(str, range(some.vocabulary)))
    refused(saved("task", some, names=names), "its tokens are those of a task")
    refused(saved("few", some.select(torch.arange(FEWEST - 1))), "holds 7 contexts, at least 8 are compared")
    wide = ContextMatrix(some.contexts, some.indptr, some.indices, some.counts, tiny.VOCABULARY + 1)
    refused(saved("wide", wide), f"has {tiny.VOCABULARY + 1} token ids and tiny only {tiny.VOCABULARY}")
    long = ContextMatrix(torch.cat([some.contexts] * 65, 1), some.indptr, some.indices, some.counts, some.vocabulary)
    refused(saved("long", long), "its contexts of 65 tokens are longer than the windows of 64")
    refused(tmp_path / "nowhere", "holds no context matrix")
    bare = replace(tiny.subject(), tokenizer=None)
    assert open_matching(tiny.spec(contexts=str(tmp_path / "task")), bare) is not None
    counts = Path(saved_counts(tmp_path))
    refused(counts, "was counted with another tokenizer", subject=bare)
    assert open_matching(tiny.spec(), tiny.subject()) is None


def test_asking_for_one_without_the_other_is_said() -> None:
    with pytest.raises(InputError, match=r"needs the folder of a context matrix, --contexts DIR"):
        check_asked(["contexts"], None)
    with pytest.raises(InputError, match="add --measure contexts"):
        check_asked(["lens"], "folder")
    check_asked([], "folder")
    check_asked(["all"], "folder")
    check_asked(["lens"], None)
