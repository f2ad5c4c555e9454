"""What every item of the catalogue must have, without fetching any."""

from __future__ import annotations

import re

import pytest

from geomem.fetch.items import Item
from geomem.fetch.listing import ITEMS
from geomem.fetch.passages import PASSAGES

NAMES = list(ITEMS)


@pytest.fixture(params=NAMES)
def item(request: pytest.FixtureRequest) -> Item:
    return ITEMS.get(request.param)


def test_what_the_issue_asks_for_is_there() -> None:
    wanted = {"smollm2-135m-instruct", "stories15m", "all-minilm-l6-v2", "wikitext-2", "gutenberg", "wordnet"}
    assert wanted <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_item_goes_by_the_name_it_is_registered_under(name: str) -> None:
    assert ITEMS.get(name).name == name
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert 10 <= len(ITEMS.summary(name)) <= 120


def test_members_are_pinned_and_do_not_collide(item: Item) -> None:
    assert item.members
    assert len({member.name for member in item.members}) == len(item.members)
    for member in item.members:
        assert re.fullmatch(r"[0-9a-f]{64}", member.sha256)
        assert member.size > 0
        assert ".." not in member.path.split("/")
        assert not member.path.startswith("/")


def test_sizes_licence_and_functions(item: Item) -> None:
    assert item.package.size > 1_000_000
    assert item.size > 1_000_000
    assert item.licence
    assert re.fullmatch(r"\d+(\.\d+)+", item.package.version)
    assert callable(item.converter)
    item.check_ready() if not item.ready else None


def test_a_text_says_what_its_bare_name_stands_for(item: Item) -> None:
    assert bool(item.main) == (item.kind == "text")


def test_converted_models_are_checked_and_copied_ones_are_not(item: Item) -> None:
    assert (item.perplexity is not None) == (item.kind == "model" and item.convert != "geomem.fetch.unpack:keep")
    if item.perplexity is not None:
        assert item.perplexity.passage in PASSAGES
        assert 1 < item.perplexity.value < 30


def test_a_model_with_few_bits_says_so() -> None:
    assert "four-bit" in ITEMS.get("smollm2-135m-instruct").weights
