from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from geomem.errors import InputError
from geomem.fetch import passages
from geomem.fetch.checkpoints import write_checkpoint
from geomem.fetch.items import Perplexity
from geomem.fetch.llama2c_tokenizer import Pieces, build_tokenizer
from geomem.fetch.passages import PASSAGES, TOLERANCE, check_perplexity, perplexity
from tests.fetch.samples import llama, pieces_bytes

TEXT = "ab abc aab caé"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("model")
    write_checkpoint(llama(275), build_tokenizer(Pieces.read(*pieces_bytes()), 32), target)
    return target


def test_perplexity_is_the_mean_over_every_token_but_the_first(folder: Path) -> None:
    tokens = build_tokenizer(Pieces.read(*pieces_bytes()), 32)(TEXT)["input_ids"]
    with torch.no_grad():
        logits = llama(275)(torch.tensor([tokens])).logits[0].double()
    losses = [-float(logits[place].log_softmax(0)[token]) for place, token in enumerate(tokens[1:])]
    assert perplexity(folder, TEXT) == pytest.approx(math.exp(sum(losses) / len(losses)), rel=1e-5)


def test_check(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PASSAGES, "made", TEXT)
    found = perplexity(folder, TEXT)
    assert check_perplexity(folder, Perplexity("made", found / (1 + TOLERANCE / 2))) == found
    for wrong in (found / (1 + 2 * TOLERANCE), found * (1 + 2 * TOLERANCE)):
        with pytest.raises(InputError, match=r"perplexity .* on the passage 'made', expected .*; nothing was kept$"):
            check_perplexity(folder, Perplexity("made", wrong))
    monkeypatch.setattr(passages, "perplexity", lambda _folder, _text: math.nan)
    with pytest.raises(InputError, match="perplexity nan"):
        check_perplexity(folder, Perplexity("made", 1.0))


@pytest.mark.parametrize("name", PASSAGES)
def test_passages_are_long_enough_to_tell_and_short_enough_for_every_model(name: str) -> None:
    # stories15M reads 256 tokens, and a word of these is less than two.
    assert 100 <= len(PASSAGES[name].split()) <= 200
    assert PASSAGES[name].isascii()
