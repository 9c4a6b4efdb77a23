"""Few rows after many: read in their place, and not a reason to write all again."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from exports import START
from polars.testing import assert_frame_equal
from test_engines import QUESTIONS

import replaykit as rk
from replaykit.store import covering, open_store, plan, snapshot

NAMES = ("Search", "Cart", "Buy", "Play")
MANY, FEW = 6_000, 40


@pytest.fixture(autouse=True)
def large(monkeypatch):
    """As in a table of millions of rows."""
    monkeypatch.setattr(plan, "SMALL", 0)
    monkeypatch.setattr(covering, "WORTH", 1)
    monkeypatch.setattr(snapshot, "WORTH", 1)


def rows(seed: int, many: int, people: range) -> pl.DataFrame:
    """Rows at few instants, so that many tie with those of other ingests."""
    chance = np.random.default_rng(seed)
    who = chance.choice(np.array(people), many)
    minute = chance.integers(0, 40 * 24 * 6, many) * 10
    return pl.DataFrame(
        {
            "time": [START + timedelta(minutes=int(at)) for at in minute],
            "event": chance.choice(np.array(NAMES), many),
            "user_id": [f"u{one}" for one in who],
            "session_id": 1_767_225_600_000 + minute // 90 * 5_400_000,
            "insert_id": [f"{seed}-{number}" for number in range(many)],
            "user.plan": chance.choice(np.array(["pro", "free"]), many),
            "builtin.city": chance.choice(np.array(["Rome", "Oslo"]), many),
            "event.price": chance.integers(0, 50, many).astype(float),
        }
    )


#: What comes later: of some people, of one, of people nobody knew.
LATER = (range(20), range(7, 8), range(295, 310))


@pytest.fixture
def store(tmp_path):
    made = rk.create(tmp_path / "shop.rk")._store
    made.append(rows(0, MANY, range(300)))
    for seed, people in enumerate(LATER, 1):
        open_store(made.folder).append(rows(seed, FEW, people))
    return open_store(made.folder)


@pytest.mark.parametrize("mapped", [True, False])
def test_late_rows_are_read_in_their_place(store, mapped):
    read = 0
    for bucket in store.buckets:
        late = store.snapshot.late(bucket)
        assert len(late) == len(store.snapshot.files[bucket]) - 1
        got = store.scan(["plan"], buckets=[bucket], mapped=mapped).collect()
        # All that lies there, put in order without any shortcut.
        want = store.snapshot.rows([bucket]).sort("user", "time", "row").collect()
        order = got["user"].rle_id().to_frame("run").with_columns(got["user", "row"])
        assert order["run"].n_unique() == got["user"].n_unique()
        by_user = got.sort("user", maintain_order=True)
        assert by_user["row"].to_list() == want["row"].to_list()
        assert by_user["plan"].to_list() == want["u_plan"].to_list()
        read += len(late)
    assert read >= len(LATER)


def test_more_than_a_quarter_is_sorted_as_a_whole(store):
    (bucket, *_) = store.buckets
    most = store.snapshot.heights[max(store.snapshot.files[bucket])]
    assert store.snapshot.late(bucket)
    store.append(rows(9, MANY // 2, range(300)))
    later = open_store(store.folder)
    assert later.snapshot.late(bucket) == []
    assert not later.mapped
    got = later.scan((), buckets=[bucket], mapped=True).collect()
    assert got.height > most
    assert_frame_equal(got, got.sort("user", "time", "row"))


@pytest.mark.parametrize("name", QUESTIONS)
def test_questions_do_not_see_where_rows_lie(store, name):
    asked = QUESTIONS[name]
    assert store.mapped
    loose = asked(rk.open(store.folder).events)
    scanned = asked(rk.open(store.folder, engine="scan").events)
    store.compact()
    tidy = open_store(store.folder)
    assert tidy.is_sorted
    want = asked(rk.open(store.folder).events)
    assert_frame_equal(loose, want)
    assert_frame_equal(scanned, want)


def test_what_a_row_costs_does_not_grow_with_the_table(tmp_path):
    folder = tmp_path / "shop.rk"
    rk.create(folder)._store.append(rows(0, MANY, range(300)))
    first = {b: set(f) for b, f in open_store(folder).snapshot.files.items()}
    frames = [rows(seed, 80, range(300)) for seed in range(1, 30)]
    written = 0
    whole = 0
    for frame in frames:
        before = set(open_store(folder).snapshot.heights)
        open_store(folder).append(frame)
        after = open_store(folder).snapshot
        fresh = {path: after.heights[path] for path in set(after.heights) - before}
        written += sum(fresh.values())
        whole += sum(rows > MANY / len(first) / 2 for rows in fresh.values())
        assert max(map(len, after.files.values())) <= plan.FILES
    store = open_store(folder)
    arrived = sum(frame.height for frame in frames)
    # Some partitions were written again, each once, when a quarter of it was late.
    assert 0 < whole <= len(first)
    assert written < 5 * arrived + MANY
    together = rk.create(tmp_path / "together.rk")._store
    together.append(rows(0, MANY, range(300)), *frames)
    store.compact()
    tied = ["user_id", "time", "event", "price"]
    got, want = (
        open_store(one)
        .scan(["price", "plan"])
        .collect()
        .join(open_store(one).directory.select("user", "user_id"), on="user")
        .sort(tied)
        .select("user_id", "time", "event", "session_id", "price", "plan")
        for one in (folder, together.folder)
    )
    assert_frame_equal(got, want)


def test_forgetting_and_merging_reach_late_rows(store):
    who = store.directory.filter(pl.col("user_id") == "u7")["user"].item()
    assert any(who in users for users in store.snapshot._latecomers.values())
    rk.open(store.folder).forget("u7")
    gone = open_store(store.folder)
    assert "u7" not in gone.directory["user_id"].to_list()
    for path in (store.folder / "events").rglob("*.parquet"):
        assert who not in pl.read_parquet(path, columns=["user"])["user"]
    # A login of somebody whose rows came late: they move with the rest.
    late = rows(7, 20, range(400, 401)).with_columns(
        user_id=pl.lit(None, pl.String), device_id=pl.lit("phone")
    )
    store = open_store(store.folder)
    store.append(late)
    store.latest().append(
        rows(8, 1, range(5, 6)).with_columns(device_id=pl.lit("phone"))
    )
    after = open_store(store.folder)
    assert after.rows == store.rows + 21
    me = after.directory.filter(pl.col("user_id") == "u5")["user"].item()
    found = after.scan(users=[me]).collect()
    assert found.filter(pl.col("device_id") == "phone").height == 21
    assert_frame_equal(found, found.sort("user", "time", "row"))
