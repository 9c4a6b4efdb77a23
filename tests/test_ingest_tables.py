"""Any table with a column mapping: what is read, how times are, what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from answerblocks import moment
from exports import DATA
from polars.testing import assert_frame_equal

from replaykit.errors import BadInput, BadTime, MissingFile, UnknownProperty
from replaykit.ingest import Mapping, TableSource, from_frame
from replaykit.schema import COLUMNS, canonical
from replaykit.store import create_store, open_store

ROLES = {"user": "uid", "time": "ts", "event": "name"}
TABLE = {
    "uid": ["ben", "ana", "ana"],
    "ts": [datetime(2026, 3, 1, 9), datetime(2026, 3, 1, 10), datetime(2026, 3, 1, 9)],
    "name": ["Search", "Buy", "Search"],
    "price": [None, 2.5, 1.0],
    "tags": [["a"], [], None],
}


def test_the_canonical_frame():
    rows, people, report = from_frame(TABLE, **ROLES)
    assert rows.schema == {**COLUMNS, "price": pl.Float64, "tags": pl.List(pl.String)}
    assert people.rows() == [(0, "ana"), (1, "ben")]
    assert rows.select("user", "event", "row", "price").rows() == [
        (0, "Search", 2, 1.0),
        (0, "Buy", 1, 2.5),
        (1, "Search", 0, None),
    ]
    assert report.rows == report.new == 3
    assert_frame_equal(canonical(rows).collect(), rows)


@pytest.mark.parametrize(
    "make",
    [
        pl.DataFrame,
        pl.LazyFrame,
        pd.DataFrame,
        pa.table,
        lambda table: duckdb.from_arrow(pa.table(table)),
        lambda table: pa.table(table).to_reader(),
        lambda table: pd.DataFrame(table).set_index("uid"),
        lambda table: pd.DataFrame(table).astype({"name": "category"}),
        lambda table: pd.DataFrame(table, dtype=object),
        lambda table: pl.DataFrame(table).with_columns(
            pl.col("name").cast(pl.Categorical),
            pl.col("uid").cast(pl.Enum(["ana", "ben"])),
        ),
        lambda table: pd.DataFrame(table).convert_dtypes(dtype_backend="pyarrow"),
    ],
    ids=[
        "polars",
        "lazy",
        "pandas",
        "arrow",
        "duckdb",
        "stream",
        "index",
        "category",
        "object",
        "enum",
        "pandas on arrow",
    ],
)
def test_every_kind_of_table_gives_the_same(make):
    table = {name: cells for name, cells in TABLE.items() if name != "tags"}
    wanted, people, _ = from_frame(table, **ROLES)
    got, same_people, _ = from_frame(make(table), **ROLES)
    assert_frame_equal(got, wanted)
    assert_frame_equal(same_people, people)


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet", "ndjson", "arrow"])
def test_every_kind_of_file_gives_the_same(tmp_path, suffix):
    table = pl.DataFrame(
        {name: cells for name, cells in TABLE.items() if name != "tags"}
    )
    path = tmp_path / f"log.{suffix}"
    if suffix == "csv":
        table.write_csv(path)
    elif suffix == "csv.gz":
        import gzip

        path.write_bytes(gzip.compress(table.write_csv().encode()))
    elif suffix == "parquet":
        table.write_parquet(path)
    elif suffix == "ndjson":
        table.write_ndjson(path)
    else:
        table.write_ipc(path)
    wanted, _, _ = from_frame(table, **ROLES)
    for one in (path, str(path), tmp_path, [path]):
        assert_frame_equal(from_frame(one, **ROLES).rows, wanted)


def test_nothing_given_is_changed():
    frame = pd.DataFrame(TABLE)
    before = frame.copy(deep=True)
    from_frame(frame, **ROLES)
    pd.testing.assert_frame_equal(frame, before)


def times(cells, tz="UTC"):
    table = {"uid": ["ana"] * len(cells), "ts": cells, "name": ["A"] * len(cells)}
    rows, _, report = from_frame(table, **ROLES, tz=tz)
    return rows.sort("row")["time"].to_list(), report


def test_naive_times_are_read_in_the_zone_and_strange_ones_counted():
    # New York 2024: 10 March 02:30 never was, 3 November 01:30 was twice.
    cells = [
        datetime(2024, 3, 10, 2, 30),
        datetime(2024, 11, 3, 1, 30),
        datetime(2024, 7, 1, 12),
    ]
    wanted = [
        moment("2024-03-10T07:00:00Z"),
        moment("2024-11-03T05:30:00Z"),
        moment("2024-07-01T16:00:00Z"),
    ]
    got, report = times(cells, "America/New_York")
    assert got == wanted
    assert len(report.notes) == 2
    assert all(note.startswith("1 local time") for note in report.notes)
    as_text, _ = times([f"{at:%Y-%m-%d %H:%M:%S}" for at in cells], "America/New_York")
    assert as_text == wanted


@pytest.mark.parametrize(
    "cell",
    [
        "2026-03-01 10:00",
        "2026-03-01T10:00:00",
        "2026-03-01T09:00:00Z",
        "2026-03-01T04:00:00-05:00",
        1772355600000,
        1772355600,
        datetime(2026, 3, 1, 9, tzinfo=UTC),
        datetime(2026, 3, 1, 10),
    ],
)
def test_times_of_every_kind(cell):
    got, _ = times([cell], "Europe/Paris")
    assert got == [moment("2026-03-01T09:00:00Z")]


def test_dates_are_midnights():
    got, _ = times([date(2026, 3, 1)], "Europe/Paris")
    assert got == [moment("2026-02-28T23:00:00Z")]


def test_sessions_of_text_keep_their_words():
    table = {**TABLE, "session_id": ["s1", "s2", None]}
    rows, _, _ = from_frame(table, **ROLES, session="session_id")
    by_row = rows.sort("row")
    assert by_row["session_name"].to_list() == ["s1", "s2", None]
    numbers = by_row["session_id"].to_list()
    assert numbers[2] is None
    assert numbers[0] != numbers[1]
    numbered, _, _ = from_frame(
        {**TABLE, "sid": [-1.0, 5.0, 5.0]}, **ROLES, session="sid"
    )
    assert numbered.sort("row")["session_id"].to_list() == [None, 5, 5]


def test_bad_rows_are_counted_with_their_place():
    table = {
        "uid": ["ana", None, "ana", "ana"],
        "ts": ["2026-03-01", "2026-03-01", "soon", "2026-03-01"],
        "name": ["A", "A", "A", None],
    }
    rows, _, report = from_frame(table, **ROLES)
    assert rows.height == 1
    assert {one.reason: (one.rows, one.examples) for one in report.skipped} == {
        "no user": (1, ("row 2",)),
        "no time that can be read": (1, ("row 3: soon",)),
        "no event name": (1, ("row 4",)),
    }


def test_mistakes_are_named(tmp_path):
    with pytest.raises(UnknownProperty, match="Did you mean 'uid'"):
        from_frame(TABLE, user="uidd", time="ts", event="name")
    with pytest.raises(BadInput, match="no table"):
        from_frame(42, **ROLES)
    with pytest.raises(BadInput, match="all left out"):
        from_frame({"uid": ["a"], "ts": ["soon"], "name": ["A"]}, **ROLES)
    with pytest.raises(BadInput, match="column of"):
        from_frame({"uid": ["a"], "ts": [True], "name": ["A"]}, **ROLES)
    with pytest.raises(BadTime):
        from_frame(TABLE, **ROLES, tz="Mars/Base")
    with pytest.raises(MissingFile):
        from_frame(tmp_path / "none.csv", **ROLES)
    (tmp_path / "x.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(BadInput, match=r"x\.parquet"):
        from_frame(tmp_path / "x.parquet", **ROLES)
    (tmp_path / "x.csv.gz").write_bytes(b"\x1f\x8b\x08 cut")
    with pytest.raises(BadInput):
        from_frame(tmp_path / "x.csv.gz", **ROLES)
    (tmp_path / "x.xyz").touch()
    with pytest.raises(BadInput, match=r"x\.xyz"):
        from_frame(tmp_path / "x.xyz", **ROLES)


def test_properties_can_be_chosen():
    rows, _, _ = from_frame(TABLE, **ROLES, properties=["price"])
    assert set(rows.columns) - set(COLUMNS) == {"price"}
    with pytest.raises(UnknownProperty, match="properties"):
        from_frame(TABLE, **ROLES, properties=["prize"])


def test_columns_named_like_ours_step_aside():
    rows, _, _ = from_frame({**TABLE, "user": [1, 2, 3], "row": [9, 9, 9]}, **ROLES)
    assert rows.sort("row")["user_"].to_list() == [1, 2, 3]
    assert rows["row_"].to_list() == [9, 9, 9]


@pytest.mark.parametrize("tz", ["UTC", "Asia/Tokyo"])
def test_the_clickstream_equals_a_naive_reading(tz):
    raw = pl.read_csv(DATA / "ecom_clickstream.csv.gz")
    rows, people, report = from_frame(
        DATA / "ecom_clickstream.csv.gz",
        user="user_id",
        time="timestamp",
        event="event",
        session="session_id",
        tz=tz,
    )
    assert report.skipped == ()
    naive = (
        raw["timestamp"]
        .str.to_datetime(time_unit="us")
        .dt.replace_time_zone(tz)
        .dt.convert_time_zone("UTC")
    )
    got = rows.join(people, on="user").sort("row")
    assert got["time"].equals(naive.alias("time"))
    assert got["event"].to_list() == raw["event"].to_list()
    assert got["user_id"].to_list() == raw["user_id"].to_list()
    assert got["session_name"].to_list() == raw["session_id"].to_list()
    assert got.select(pl.struct("user", "session_id").n_unique()).item() == 3605


def test_a_table_in_parts_and_twice(tmp_path):
    create_store(tmp_path / "shop.rk")
    raw = pl.read_csv(DATA / "wikipedia_edits.csv.gz", infer_schema_length=None)
    for part in raw.iter_slices(7_000):
        open_store(tmp_path / "shop.rk").ingest(
            TableSource(part, Mapping("user", "time", "event"))
        )
    assert open_store(tmp_path / "shop.rk").rows == raw.height
    report = open_store(tmp_path / "shop.rk").ingest(
        TableSource(raw, Mapping("user", "time", "event"))
    )
    assert (report.new, report.duplicate) == (0, raw.height)
