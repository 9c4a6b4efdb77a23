"""The covering index: the same rows as the table, and never in anybody's way."""

from __future__ import annotations

import gc
from datetime import timedelta

import polars as pl
import pytest
from exports import START
from polars.testing import assert_frame_equal

import replaykit as rk
from replaykit.store import covering, open_store, snapshot
from replaykit.store.lease import sweep

#: What may be asked of a partition.
ASKS = [
    lambda lf: lf,
    lambda lf: lf.select("user", "time"),
    lambda lf: lf.select("plan", "user"),
    lambda lf: lf.filter(pl.col("event") == "Buy").select("user", "session_id"),
    lambda lf: lf.filter(pl.col("plan") == "pro", pl.col("user") > 7),
    lambda lf: lf.filter(pl.col("user") > 7, pl.col("active")).select("plan"),
    lambda lf: lf.filter(pl.col("plan") == "nobody").select("user"),
    lambda lf: lf.filter(pl.col("user") < 0).select("user", "plan"),
    lambda lf: lf.filter(pl.lit(value=True)).select("time"),
    lambda lf: lf.filter(pl.lit(value=False)).select("time"),
    lambda lf: lf.head(5).select("user", "event"),
    lambda lf: lf.head(5).filter(pl.col("user") > 0).select("user", "time"),
    lambda lf: lf.tail(3),
    lambda lf: lf.select(pl.len()),
    lambda lf: lf.with_row_index().filter(pl.col("index") % 2 == 0),
    lambda lf: lf.group_by("plan").agg(pl.col("time").max()).sort("plan"),
]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(covering, "WORTH", 1)
    monkeypatch.setattr(snapshot, "WORTH", 1)


def rows(many: int, first: int = 0, **more: object) -> pl.DataFrame:
    n = pl.int_range(first, first + many, eager=True)
    frame = pl.DataFrame(
        {
            "time": [START + timedelta(minutes=7 * (k % 400)) for k in n],
            "event": [("Search", "Play", "Buy")[k * k % 3] for k in n],
            "user_id": [f"person-{k % 31}" for k in n],
            "session_id": [1_767_225_600_000 + k % 9 for k in n],
            "insert_id": [f"i{k}" for k in n],
            "user.plan": [("pro", "free", None)[k % 3] for k in n],
        }
    )
    return frame.with_columns(**more)


@pytest.fixture
def store(tmp_path):
    made = rk.create(tmp_path / "shop.rk")._store
    made.append(rows(600))
    return open_store(made.folder)


def by_table(store, **how):
    one = store.buckets[:1]
    return store.scan(["plan"], buckets=one, **how)


def index_files(store) -> list[str]:
    return sorted(path.name for path in (store.folder / "index").iterdir())


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("engine", ["streaming", "in-memory"])
def test_an_index_gives_the_rows_of_the_table(store, ask, engine):
    mapped = ask(by_table(store, mapped=True))
    assert "covering index" in mapped.explain()
    found = mapped.collect(engine=engine)
    assert_frame_equal(found, ask(by_table(store)).collect(engine=engine))


def test_a_property_in_the_text_is_read_beside_the_index(store):
    words = pl.Series([f"word {k % 50}" for k in range(600)])
    wide = {f"event.p{k}": pl.lit(k) for k in range(99)}
    store.append(rows(600, 600, **wide, **{"event.z": words}))
    store.compact()
    later = open_store(store.folder)
    assert not later.snapshot.catalog.registry.find("z").promoted
    (bucket, *_) = later.buckets
    ask = [
        later.scan(["z"], buckets=[bucket], mapped=mapped)
        .select("user", "time", "z")
        .collect()
        for mapped in (True, False)
    ]
    assert ask[0]["z"].n_unique() > 2
    assert_frame_equal(*ask)


def test_a_column_with_a_null_is_read_from_the_table(tmp_path):
    made = rk.create(tmp_path / "shop.rk")._store
    made.append(rows(90, session_id=pl.lit(None, pl.Int64)))
    store = open_store(made.folder)
    assert not any("session_id" in name for name in index_files(store))
    for bucket in store.buckets:
        asked = [
            store.scan((), buckets=[bucket], mapped=mapped)
            .select("user", "session_id")
            .collect()
            for mapped in (True, False)
        ]
        assert_frame_equal(*asked)


@pytest.mark.parametrize("harm", ["cut", "gone", "while open"])
def test_a_damaged_index_is_not_read(store, harm):
    whole = by_table(store).collect()
    opened = by_table(store, mapped=True)
    for path in (store.folder / "index").glob("*.time.*"):
        if harm == "cut":
            path.write_bytes(path.read_bytes()[:-8])
        else:
            path.unlink()
    if harm != "while open":
        opened = by_table(open_store(store.folder), mapped=True)
    assert_frame_equal(opened.collect(), whole)


def test_an_index_lives_as_long_as_its_file(store):
    before = index_files(store)
    held = by_table(store, mapped=True).select("user", "time").collect()
    copy = held.clone().rechunk().to_dict(as_series=False)
    shop = rk.open(store.folder)
    store.append(rows(600, 600))
    shop.forget("person-3")
    after = open_store(store.folder)
    parts = {
        path.rpartition("/")[2].partition(".")[0] for path in after.snapshot.heights
    }
    left = index_files(after)
    assert {name.partition(".")[0] for name in left} == parts
    assert not set(left) & set(before)
    gc.collect()
    # What was mapped before stays readable.
    assert held.to_dict(as_series=False) == copy


def test_a_killed_writers_index_is_swept(store):
    folder = store.folder / "index"
    kept = index_files(store)
    dead = folder / "part-0123456789abcdef-00.time.int64"
    dead.write_bytes(b"12345678")
    half = folder / ".part-x-1.user.int32.beef-999999999-00"
    half.write_bytes(b"1")
    half_here = half.with_name(f".part-x-1.user.int32.{covering_mark()}-999999999-00")
    half_here.write_bytes(b"1")
    store.append(rows(1, 5_000))
    left = index_files(open_store(store.folder))
    assert dead.name not in left
    assert half_here.name not in left
    assert set(left) & set(kept)


def covering_mark() -> str:
    from replaykit.store.settings import writer_mark

    return writer_mark().partition("-")[0]


def test_late_files_have_one_too(store, monkeypatch):
    monkeypatch.setattr("replaykit.store.plan.SMALL", 0)
    store.append(rows(20, 600))
    later = open_store(store.folder)
    assert later.unsorted
    assert set(later.snapshot.indexed.values()) == {frozenset(covering.COVERED)}
    later.compact()
    tidy = open_store(store.folder)
    assert all(tidy.snapshot.indexed.values())
    parts = {
        path.rpartition("/")[2].partition(".")[0] for path in tidy.snapshot.heights
    }
    assert {name.partition(".")[0] for name in index_files(tidy)} >= parts


def test_an_older_project_gets_its_indexes_by_compacting(store):
    for path in (store.folder / "index").iterdir():
        path.unlink()
    old = open_store(store.folder)
    assert not old.mapped
    version = old.compact().version
    assert version == old.version
    assert all(open_store(store.folder).snapshot.indexed.values())


def test_sweeping_keeps_what_is_in_use(store):
    before = index_files(store)
    sweep(store.folder, "nobody")
    assert index_files(store) == before
