from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomem.errors import RunError
from geomem.runs.tables import History, Measurement, read_measurements, select, write_measurements

_ROWS = st.lists(
    st.dictionaries(st.sampled_from(["loss", "a/b", "c"]), st.floats(allow_nan=False), min_size=1), max_size=20
)


@given(_ROWS)
def test_history_survives_state_and_keeps_every_number(rows: list[dict[str, float]]) -> None:
    history = History()
    for step, row in enumerate(rows):
        history.add(step, row)
    again = History.from_state(history.state())
    for name in ("loss", "a/b", "c"):
        expected = [(step, row[name]) for step, row in enumerate(rows) if name in row]
        assert list(zip(*again.series(name), strict=True)) == expected


def test_history_to_parquet_and_back(tmp_path: Path) -> None:
    history = History()
    history.add(0, {"loss": 2.0})
    history.add(1, {"loss": 1.0, "accuracy": 0.5})
    history.write(tmp_path / "history.parquet")
    again = History.read(tmp_path / "history.parquet")
    assert again.state() == history.state()
    assert pq.read_table(tmp_path / "history.parquet").column_names == ["step", "accuracy", "loss"]


def test_history_goes_forward_only() -> None:
    history = History()
    history.add(3, {"loss": 1.0})
    history.add(3, {"accuracy": 1.0})
    assert history.last("loss") == 1.0
    with pytest.raises(ValueError, match="goes forward"):
        history.add(2, {"loss": 1.0})


def test_measurements_round_trip_and_select(tmp_path: Path) -> None:
    rows = [Measurement(study="s", metric="m", value=float(seed), seed=seed) for seed in range(3)]
    write_measurements(tmp_path / "m.parquet", rows)
    again = read_measurements(tmp_path / "m.parquet")
    assert again == rows
    assert [row.value for row in select(again, seed=1)] == [1.0]


def test_no_rows_is_still_a_table(tmp_path: Path) -> None:
    write_measurements(tmp_path / "m.parquet", [])
    assert read_measurements(tmp_path / "m.parquet") == []


def test_damaged_table_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "m.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(RunError, match=r"m\.parquet: cannot be read as Parquet"):
        read_measurements(tmp_path / "m.parquet")
    with pytest.raises(RunError, match="missing"):
        History.read(tmp_path / "h.parquet")
