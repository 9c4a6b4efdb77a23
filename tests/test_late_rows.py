"""Few rows after many: read in their place, and not a reason to write all again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from exports import START
from polars.testing import assert_frame_equal
from test_covering import ASKS
from test_engines import QUESTIONS

import replaykit as rk
from replaykit.schema import TIME
from replaykit.store import covering, late_rows, open_store, plan, snapshot

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


def sorted_whole(store, bucket) -> pl.LazyFrame:
    """All that lies in a partition, put in order without any shortcut."""
    return store.snapshot.rows([bucket]).sort("user", "time", "row")


@pytest.mark.parametrize("mapped", [True, False])
def test_late_rows_are_read_in_their_place(store, mapped):
    read = 0
    for bucket in store.buckets:
        late = store.snapshot.late(bucket)
        assert len(late) == len(store.snapshot.files[bucket]) - 1
        scan = store.scan(["plan"], buckets=[bucket], mapped=mapped)
        assert ("covering index" in scan.explain()) == mapped
        got = scan.collect()
        want = sorted_whole(store, bucket).collect()
        assert got["row"].to_list() == want["row"].to_list()
        assert got["plan"].to_list() == want["u_plan"].to_list()
        read += len(late)
    assert read >= len(LATER)


@pytest.mark.parametrize("ask", ASKS)
def test_whatever_is_asked_and_mapped_rows_stand_alike(store, ask):
    snap = store.snapshot
    late = {
        Path(path).stem for bucket in store.buckets[:3] for path in snap.late(bucket)
    }
    scans = [store.scan(["plan"], buckets=[one], mapped=True) for one in snap.files][:3]
    want = [
        sorted_whole(store, bucket)
        .with_columns(pl.col("time", "client_time").cast(TIME), plan="u_plan")
        .select(scans[0].collect_schema().names())
        for bucket in store.buckets[:3]
    ]
    # Indexes may be deleted at any time: those of late rows, then the others.
    for gone in (set(), late, {Path(path).stem for path in snap.heights}):
        for path in (store.folder / "index").iterdir():
            if path.name.partition(".")[0] in gone:
                path.unlink()
        for scan, tidy in zip(scans, want, strict=True):
            assert_frame_equal(ask(scan).collect(), ask(tidy).collect())


def test_ties_are_decided_by_number_where_only_late_rows_tie(tmp_path):
    made = rk.create(tmp_path / "shop.rk")._store
    made.append(rows(0, MANY, range(300)))
    moment = START + timedelta(days=100, seconds=1)
    for seed in (1, 2):
        late = rows(seed, FEW, range(5)).with_columns(time=pl.lit(moment))
        open_store(made.folder).append(late)
    store = open_store(made.folder)
    numbers = []
    for bucket in store.buckets:
        scan = store.scan((), buckets=[bucket], mapped=True)
        # Nobody asks for the number, so that it is decoded for the order alone.
        got = scan.select("user", "time", "event").collect()
        want = sorted_whole(store, bucket).select("user", "event", "row").collect()
        assert got["event"].to_list() == want["event"].to_list()
        numbers += want["row"].to_list()
    assert len(numbers) == MANY + 2 * FEW


def test_a_property_in_the_text_is_read_with_late_rows(store):
    words = pl.Series([f"word {k % 50}" for k in range(FEW)])
    wide = {f"event.p{k}": pl.lit(k) for k in range(99)}
    more = rows(17, FEW, range(20)).with_columns(words.alias("event.z"), **wide)
    store.append(more)
    later = open_store(store.folder)
    assert not later.snapshot.catalog.registry.find("z").promoted
    found = []
    for bucket in later.buckets:
        asked = [
            later.scan(["z"], buckets=[bucket], mapped=mapped)
            .select("user", "time", "z")
            .collect()
            for mapped in (True, False)
        ]
        assert_frame_equal(*asked)
        found += asked[0]["z"].drop_nulls().to_list()
    assert sorted(found) == sorted(words)


def test_a_gap_in_late_rows_is_no_gap_in_the_others(store):
    nowhere = rows(21, FEW, range(20)).with_columns(session_id=pl.lit(None, pl.Int64))
    store.append(nowhere)
    later = open_store(store.folder)
    columns = set(map(len, later.snapshot.indexed.values()))
    assert columns == {len(covering.COVERED), len(covering.COVERED) - 1}
    gaps = 0
    for bucket in later.buckets:
        scan = later.scan((), buckets=[bucket], mapped=True)
        got = scan.select("session_id").collect()["session_id"]
        want = sorted_whole(later, bucket).collect()["session_id"]
        assert got.to_list() == want.to_list()
        gaps += got.null_count()
    assert gaps == FEW


@pytest.mark.parametrize("seed", range(12))
def test_places_are_those_of_a_sort(seed):
    chance = np.random.default_rng(seed)
    runs = []
    number = 0
    for many in chance.integers(0, 60, chance.integers(2, 9)):
        run = pl.DataFrame(
            {
                "user": chance.integers(0, 6, many).astype(np.int32),
                "time": chance.integers(0, 9, many),
                "row": chance.permutation(many) + number,
                "text": [("a", None, "b")[k] for k in chance.integers(0, 3, many)],
                "maybe": [(1.5, None)[k] for k in chance.integers(0, 2, many)],
                "yes": chance.random(many) < 0.5,
            },
            schema_overrides={"text": pl.String, "maybe": pl.Float64},
        )
        number += many
        runs.append(run.sort("user", "time", "row"))
    main, *late = (runs[k] for k in chance.permutation(len(runs)))
    theirs, tied = late_rows.in_one_run(pl.concat(late))
    assert_frame_equal(theirs, pl.concat(late).sort("user", "time", "row"))
    got, again = late_rows.with_late(main, theirs)
    want = pl.concat(runs).sort("user", "time", "row")
    assert_frame_equal(got, want)
    # Told apart by nothing but the file: only then numbers have to be looked at.
    kinds = [set(one.select("user", "time").rows()) for one in late]
    assert tied == (len(set().union(*kinds)) < sum(map(len, kinds)))
    assert again == (not set().union(*kinds).isdisjoint(main["user", "time"].rows()))
    ends = np.cumsum([0, *(one.height for one in late)])
    bare = pl.concat(late).drop("row")
    assert late_rows.in_one_run(bare, ends)[1] == tied
    if not tied:
        assert_frame_equal(late_rows.in_one_run(bare, ends)[0], theirs.drop("row"))
    size = int(chance.integers(1, 20))
    batches = (main[at : at + size] for at in range(0, main.height, size))
    assert_frame_equal(pl.concat(late_rows.by_batches(batches, theirs)), want)


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
    late = [path for bucket in store.buckets for path in store.snapshot.late(bucket)]
    assert who in store.snapshot.scan(late).collect()["user"]
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
