"""The run-time type checker of the suite: beartype, with int where float is asked for, as PEP 484 allows."""

from __future__ import annotations

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
