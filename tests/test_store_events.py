"""The event table: what stays the same whatever is done to it, and by whom."""

from __future__ import annotations

import random
from datetime import timedelta

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable
from exports import DATA, START, column, event, export, ingest, truth
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import replaykit as rk
from replaykit.errors import (
    BadInput,
    MissingFile,
    NotAProject,
    UnknownEvent,
    UnknownProperty,
)
from replaykit.ingest import Mapping, TableSource
from replaykit.store import (
    Settings,
    create_store,
    duplicates,
    heap,
    open_store,
    plan,
    staging,
    writing,
)
from replaykit.store import asked as asked_notes


@pytest.fixture
def shop(tmp_path):
    create_store(tmp_path / "shop.rk", Settings(buckets=4))
    return tmp_path / "shop.rk"


@pytest.fixture
def never_merging(monkeypatch):
    """As in a large table: an ingest adds files and rewrites none."""
    monkeypatch.setattr(plan, "SMALL", 0)
    monkeypatch.setattr(plan, "_worth_merging", lambda head, arriving: {})


def batch(rows):
    return pl.DataFrame(rows, infer_schema_length=None)


def row(minute, name="A", user="ana", **more):
    return {
        "time": START + timedelta(minutes=minute),
        "event": name,
        "user_id": user,
        **more,
    }


STORY = [
    event(0, "Search", None, "phone", event_properties={"q": "red", "n": 1}),
    event(1, "Search", "ana", "phone", event_properties={"q": "red", "n": 2.5}),
    event(
        2,
        "Buy",
        "ana",
        "laptop",
        event_properties={"price": 20},
        user_properties={"plan": "pro"},
    ),
    event(3, "Search", "bob", "tablet"),
    event(4, "Buy", None, "tablet", event_properties={"price": "free"}),
    event(5, "Search", "cat", "tablet"),
    event(6, "Buy", None, "tablet", country="DE"),
    event(7, "Search", None, "kiosk"),
    event(7, "Buy", None, "kiosk", n=7.5),
]


# ── one story, told in many ways ──────────────────────────────────────────────
@pytest.fixture
def told_once(tmp_path):
    folder = tmp_path / "once.rk"
    create_store(folder)
    ingest(folder, export(tmp_path / "once", STORY))
    return truth(folder)


def test_the_story(told_once):
    told = told_once.select("user", "event").rows()
    assert sorted(told) == sorted(
        [
            ("ana", "Search"),
            ("ana", "Search"),
            ("ana", "Buy"),
            ("bob", "Search"),
            ("bob", "Buy"),
            ("cat", "Search"),
            ("cat", "Buy"),
            ("kiosk", "Search"),
            ("kiosk", "Buy"),
        ]
    )
    assert told_once["price"].drop_nulls().to_list() == ["20", "free"]
    assert told_once["n"].drop_nulls().to_list() == [1.0, 2.5]


def test_twice_changes_nothing(shop, tmp_path, told_once):
    path = export(tmp_path / "in", STORY)
    ingest(shop, path)
    version = open_store(shop).version
    report = ingest(shop, path)
    assert (report.new, report.duplicate) == (0, len(STORY))
    assert open_store(shop).version == version
    assert_frame_equal(truth(shop), told_once)


@pytest.mark.parametrize("seed", range(6))
def test_any_order_and_any_cut_give_the_same_rows(shop, tmp_path, told_once, seed):
    chance = random.Random(seed)
    events = STORY + chance.sample(STORY, 3)
    chance.shuffle(events)
    while events:
        size = chance.randint(1, 4)
        part, events = events[:size], events[size:]
        ingest(shop, export(tmp_path / "in", part, f"{len(events)}.json.gz"))
    assert_frame_equal(truth(shop), told_once)
    store = open_store(shop)
    assert store.rows == store.scan().collect().height == len(STORY)
    assert store.users == store.directory.height == 4
    assert dict(store.names.select("event", "rows").rows()) == {"Search": 5, "Buy": 4}


@pytest.fixture
def hardly_any_memory(monkeypatch):
    """As if all were large: rows go to disk, and partitions are sorted in stretches."""
    monkeypatch.setattr(staging, "_IN_MEMORY", 0)
    monkeypatch.setattr(staging, "_ON_THE_WAY", 4_000)
    monkeypatch.setattr(heap, "_IN_MEMORY", 30_000)
    monkeypatch.setattr(heap, "_STRETCH", 12)
    monkeypatch.setattr(writing, "_READ", 20)
    monkeypatch.setattr(duplicates, "_PASS", 50)


def crowd(seed):
    chance = random.Random(seed)
    events = []
    for number in range(400):
        who = chance.randrange(60)
        events.append(
            event(
                chance.randrange(90),
                chance.choice(["Search", "Buy", "Play"]),
                None if chance.random() < 0.3 else f"u{who % 40}",
                f"d{who}",
                event_properties={
                    "price": chance.choice([1, 2.5, "free"]),
                    "n": number,
                },
            )
        )
    return events


@pytest.mark.parametrize("buckets", [1, 4])
def test_little_memory_gives_the_same_table(
    tmp_path, buckets, hardly_any_memory, monkeypatch
):
    events = crowd(buckets)
    again = random.Random(1).sample(events, 50)
    parts = [events[:150], events[150:] + again, events[:20]]
    files = [
        export(tmp_path / "in", part, f"{at}.json.gz") for at, part in enumerate(parts)
    ]
    shop = tmp_path / "little.rk"
    create_store(shop, Settings(buckets=buckets))
    reports = [ingest(shop, path) for path in files]
    store = open_store(shop)
    physical = [store.snapshot.rows([bucket]).collect() for bucket in store.buckets]
    for rows in physical:
        assert rows.equals(rows.sort("user", "time", "row"))
        assert rows["user"].n_unique() > 8
    logged = pl.DataFrame(store.snapshot.table.get_add_actions(flatten=True))
    for edge in ("min", "max"):
        for name in ("user", "time"):
            ends = sorted(getattr(rows[name], edge)() for rows in physical)
            assert sorted(logged[f"{edge}.{name}"]) == ends
    assert dict(store.names.select("event", "rows").rows()) == dict(
        store.scan(()).collect()["event"].value_counts().rows()
    )
    # Cut anew and cut back, still with little memory.
    open_store(shop).compact(buckets=7)
    open_store(shop).compact(buckets=buckets)
    told = truth(shop)
    monkeypatch.undo()
    plain = tmp_path / "plain.rk"
    create_store(plain)
    wanted = [ingest(plain, path) for path in files]
    assert [(one.new, one.duplicate) for one in reports] == [
        (one.new, one.duplicate) for one in wanted
    ]
    assert_frame_equal(told, truth(plain))


@pytest.mark.parametrize("seed", range(3))
def test_an_uncompacted_table_reads_the_same(
    shop, tmp_path, told_once, seed, never_merging
):
    chance = random.Random(seed)
    events = chance.sample(STORY, len(STORY))
    for number in range(0, len(events), 2):
        ingest(
            shop, export(tmp_path / "in", events[number : number + 2], f"{number}.json")
        )
    store = open_store(shop)
    assert not store.is_sorted
    # What happened at one instant is put in its final order by compaction.
    tied = ["user", "time", "event"]
    assert_frame_equal(truth(shop).sort(tied), told_once.sort(tied))
    store.compact()
    assert store.latest().is_sorted
    assert_frame_equal(truth(shop), told_once)
    store.compact(buckets=7)
    assert store.latest().snapshot.catalog.buckets == 7
    assert_frame_equal(truth(shop), told_once)
    # A reader that was opened before sees what it saw.
    assert store.rows == store.scan().collect().height == len(STORY)


@settings(max_examples=15, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 5),
            st.sampled_from([None, "ana", "bob"]),
            st.sampled_from("AB"),
            st.sampled_from(["x", "y"]),
        ),
        min_size=1,
        max_size=12,
    ),
    seed=st.integers(0, 99),
)
def test_people_do_not_depend_on_the_order_of_files(tmp_path_factory, rows, seed):
    folder = tmp_path_factory.mktemp("law")
    events = [
        event(minute, name, user, device, n=number)
        for number, (minute, user, device, name) in enumerate(rows)
    ]
    for number, one in enumerate(events):
        one["event_id"] = number
    create_store(folder / "a.rk")
    ingest(folder / "a.rk", export(folder, events, "all.json"))
    shuffled = random.Random(seed).sample(events, len(events))
    create_store(folder / "b.rk", Settings(buckets=3))
    for number, start in enumerate(range(0, len(shuffled), 4)):
        ingest(
            folder / "b.rk",
            export(folder, shuffled[start : start + 4], f"{number}.json"),
        )
    assert_frame_equal(truth(folder / "a.rk"), truth(folder / "b.rk"))


# ── duplicates ────────────────────────────────────────────────────────────────
def test_an_insert_id_counts_once_in_seven_days(shop, tmp_path):
    day = 24 * 60
    again = {"$insert_id": "same", "uuid": None}
    events = [
        event(minute, "A", "ana", "d", **again)
        for minute in (0, 1, 7 * day, 7 * day + 1, 9 * day)
    ]
    other_device = event(2, "A", "ana", "e", **again)
    report = ingest(shop, export(tmp_path / "in", [*events, other_device]))
    assert (report.new, report.duplicate) == (3, 3)
    kept = truth(shop)["time"].to_list()
    assert kept == [
        START,
        START + timedelta(minutes=2),
        START + timedelta(minutes=7 * day + 1),
    ]


def test_the_earliest_arrival_is_kept_whichever_file_comes_first(shop, tmp_path):
    late = event(5, "A", "ana", "d", **{"$insert_id": "x"}, upload=50)
    early = event(4, "A", "ana", "d", **{"$insert_id": "x"}, upload=40)
    ingest(shop, export(tmp_path / "in", [late], "1.json"))
    report = ingest(shop, export(tmp_path / "in", [early], "2.json"))
    assert truth(shop)["time"].to_list() == [START + timedelta(minutes=4)]
    assert open_store(shop).rows == 1
    assert (report.new, report.duplicate) == (1, 0)


def test_equal_rows_of_one_file_stay_and_do_not_double(shop):
    store = open_store(shop)
    rows = batch([row(0), row(0), row(1)])
    assert store.append(rows).new == 3
    assert store.append(rows).duplicate == 3
    assert store.append(batch([row(0), row(0), row(0)])).new == 1
    assert store.latest().rows == 4


# ── order ─────────────────────────────────────────────────────────────────────
def test_ties_follow_event_id_on_a_device_and_upload_between_devices(shop, tmp_path):
    def tied(name, device, event_id, upload):
        return event(
            0, name, "ana", device, n=name, event_id=event_id, upload=upload
        ) | {"event_id": event_id}

    events = [
        tied(*one)
        for one in [
            ("d2", "d", 2, 1),
            ("e1", "e", 1, 3),
            ("d1", "d", 1, 9),
            ("f9", "f", 9, 2),
        ]
    ]
    for number, one in enumerate(events):
        one.update({"$insert_id": f"i{number}", "uuid": f"u{number}"})
    told = []
    for number, order in enumerate([[0, 1, 2, 3], [3, 2, 1, 0]]):
        folder = shop.parent / f"{number}.rk"
        create_store(folder)
        for part in order:
            ingest(
                folder, export(tmp_path / "in", [events[part]], f"{number}-{part}.json")
            )
        told.append([name for (name,) in column(folder, "event")])
    # Device d was first heard of at upload 1, f at 2, e at 3.
    assert told == [["d1", "d2", "f9", "e1"]] * 2


def test_rows_are_unique_and_each_users_rows_stand_together(
    shop, tmp_path, never_merging
):
    for number in range(3):
        ingest(
            shop,
            export(
                tmp_path / "in",
                [
                    event(minute, "A", f"u{minute % 5}", "d", n=minute + number / 10)
                    for minute in range(40)
                ],
                f"{number}.json",
            ),
        )
    frame = open_store(shop).scan().collect()
    assert frame["row"].is_unique().all()
    runs = (frame["user"] != frame["user"].shift()).fill_null(value=True).sum()
    assert runs == frame["user"].n_unique()
    inside = frame.with_columns(
        ok=(pl.col("time") > pl.col("time").shift())
        | (
            (pl.col("time") == pl.col("time").shift())
            & (pl.col("row") > pl.col("row").shift())
        )
        | (pl.col("user") != pl.col("user").shift())
    )
    assert inside["ok"][1:].all()


# ── properties ────────────────────────────────────────────────────────────────
def test_every_kind_survives_the_table(shop):
    rows = batch(
        [
            row(
                0,
                **{
                    "event.n": 1,
                    "event.x": 1.5,
                    "event.b": True,
                    "event.s": "a",
                    "event.l": ["p", "q"],
                    "event.t": START,
                    "event.d": START.date(),
                    "user.plan": "pro",
                },
            ),
            row(
                1,
                **{
                    "event.n": None,
                    "event.x": None,
                    "event.b": None,
                    "event.s": None,
                    "event.l": [],
                    "event.t": None,
                    "event.d": None,
                    "user.plan": None,
                },
            ),
        ]
    )
    store = open_store(shop)
    store.append(rows)
    store = store.latest()
    assert store.properties == {
        "n": "integer",
        "x": "float",
        "b": "boolean",
        "s": "string",
        "l": "list",
        "t": "time",
        "d": "date",
        "plan": "string",
    }
    got = store.scan().sort("time").collect()
    for name in ("n", "x", "b", "s", "l", "t", "d"):
        assert got[name].to_list() == rows[f"event.{name}"].to_list()


def test_an_event_property_owns_its_bare_name(shop):
    store = open_store(shop)
    store.append(
        batch(
            [
                row(
                    0,
                    **{
                        "event.plan": 1,
                        "user.plan": "pro",
                        "event.time": "noon",
                        "builtin.country": "DE",
                    },
                )
            ]
        )
    )
    store = store.latest()
    assert store.properties == {
        "plan": "integer",
        "country": "string",
        "user.plan": "string",
        "event.time": "string",
    }
    got = store.scan(
        ["plan", "event.plan", "user.plan", "event.time", "country", "user.country"]
    ).collect()
    assert got.select(
        "plan", "event.plan", "user.plan", "event.time", "country", "user.country"
    ).row(0) == (1, 1, "pro", "noon", "DE", "DE")


def test_unknown_properties_are_named_with_the_nearest(shop):
    store = open_store(shop)
    store.append(batch([row(0, **{"event.price": 1})]))
    with pytest.raises(UnknownProperty, match="Did you mean 'price'"):
        store.latest().scan(["prize"])
    with pytest.raises(UnknownProperty):
        store.latest().promote("prize")


def test_properties_beyond_the_columns_are_read_from_text_and_promoted(shop, tmp_path):
    common = {f"p{number:03}": number for number in range(80)}
    events = [
        event(
            minute,
            "A",
            "ana",
            "d",
            event_properties={**common, "rare it's": minute * 1.5}
            if minute % 2
            else {"p000": 0},
        )
        for minute in range(6)
    ]
    ingest(shop, export(tmp_path / "in", events))
    store = open_store(shop)
    assert len(store.properties) == 81
    assert not store.snapshot.catalog.registry.find("rare it's").promoted
    wanted = [None, 1.5, None, 4.5, None, 7.5]
    before = store.scan().sort("time").collect()
    assert before["rare it's"].to_list() == wanted
    assert before["p079"].to_list() == [None, 79] * 3
    store.promote("rare it's")
    store = store.latest()
    assert store.snapshot.catalog.registry.find("rare it's").promoted
    assert_frame_equal(store.scan().sort("time").collect(), before)


def test_wide_tables_keep_every_column(shop):
    store = open_store(shop)
    store.append(
        batch([row(0, **{f"event.c{number:03}": number for number in range(100)})])
    )
    got = store.latest().scan().collect()
    assert [got[f"c{number:03}"][0] for number in range(100)] == list(range(100))


# ── real logs ─────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("name", "mapping"),
    [
        (
            "ecom_clickstream.csv.gz",
            Mapping("user_id", "timestamp", "event", "session_id"),
        ),
        ("wikipedia_edits.csv.gz", Mapping("user", "time", "event")),
    ],
)
def test_real_logs_are_kept_whole(shop, name, mapping):
    raw = pl.read_csv(DATA / name, infer_schema_length=None)
    report = open_store(shop).ingest(TableSource(DATA / name, mapping))
    assert (report.new, report.duplicate, report.skipped) == (raw.height, 0, ())
    assert open_store(shop).ingest(TableSource(DATA / name, mapping)).new == 0
    store = open_store(shop)
    counts = raw[mapping.event].value_counts().rows()
    assert dict(store.names.select("event", "rows").rows()) == dict(counts)
    assert set(store.directory["user_id"]) == set(raw[mapping.user])
    got = (
        store.scan()
        .join(store.directory.lazy().select("user", "user_id"), on="user")
        .sort("row")
        .collect()
    )
    for prop in [
        one
        for one in raw.columns
        if one in got.columns
        and one not in ("user", "time", "event", "session_id", "user_id")
    ]:
        assert sorted(got[prop].drop_nulls().to_list()) == sorted(
            raw[prop].drop_nulls().to_list()
        )


def test_other_engines_read_the_table_without_help(shop, tmp_path):
    ingest(shop, export(tmp_path / "in", STORY))
    table = DeltaTable(str(shop / "events"))
    paths = table.file_uris()
    by_duckdb = duckdb.sql(
        f"select event, count(*) from read_parquet({paths}) group by 1"
    ).fetchall()
    assert dict(by_duckdb) == {"Search": 5, "Buy": 4}
    by_polars = pl.read_delta(str(shop / "events"))
    assert by_polars.height == len(STORY)
    assert by_polars.select("user", "event_code", "time").dtypes == [
        pl.Int32,
        pl.Int16,
        pl.Int64,
    ]
    by_pandas = table.to_pandas()
    assert sorted(by_pandas["event"]) == ["Buy"] * 4 + ["Search"] * 5
    codes = dict(open_store(shop).names.select("code", "event").rows())
    assert all(
        codes[code] == name
        for code, name in by_polars.select("event_code", "event").rows()
    )


def test_the_log_holds_no_ids(shop, tmp_path):
    ingest(
        shop, export(tmp_path / "in", [event(0, "A", "secret-person", "secret-device")])
    )
    for path in (shop / "events" / "_delta_log").glob("*.json"):
        assert b"secret" not in path.read_bytes()


# ── the project ───────────────────────────────────────────────────────────────
def test_inactive_events_are_so_for_all_rows(shop):
    store = open_store(shop)
    store.append(batch([row(0, "Push"), row(1, "Buy")]))
    store = store.latest().set_inactive("Push")
    assert dict(store.scan().select("event", "active").collect().rows()) == {
        "Push": False,
        "Buy": True,
    }
    assert dict(open_store(shop).names.select("event", "active").rows()) == {
        "Push": False,
        "Buy": True,
    }
    with pytest.raises(UnknownEvent, match="Did you mean 'Push'"):
        store.set_inactive("Posh")


def test_one_user_is_read_from_their_partition_alone(shop, tmp_path):
    ingest(
        shop,
        export(
            tmp_path / "in",
            [event(minute, "A", f"u{minute}", "d") for minute in range(40)],
        ),
    )
    store = open_store(shop)
    user = store.directory.filter(pl.col("user_id") == "u7")["user"][0]
    lazy = store.scan(users=[user])
    assert lazy.collect()["user"].to_list() == [user]
    assert str(lazy.explain()).count("part-") <= 2
    assert (
        store.scan(buckets=[user % 4]).collect().filter(pl.col("user") == user).height
        == 1
    )


def test_an_empty_project_reads_as_an_empty_frame(shop):
    store = open_store(shop)
    assert store.scan().collect().shape == (0, 8)
    assert (store.rows, store.users, store.first, store.last, store.is_sorted) == (
        0,
        0,
        None,
        None,
        True,
    )
    assert store.append().new == 0
    assert store.compact().new == 0


def test_statistics_agree_with_a_scan(shop, tmp_path):
    ingest(shop, export(tmp_path / "in", STORY))
    store = open_store(shop)
    frame = store.scan().collect()
    assert (store.rows, store.users) == (frame.height, frame["user"].n_unique())
    assert (store.first, store.last) == (frame["time"].min(), frame["time"].max())


def test_what_is_no_project_says_so(tmp_path):
    with pytest.raises(MissingFile, match=r"rk\.create"):
        open_store(tmp_path / "none.rk")
    (tmp_path / "other").mkdir()
    with pytest.raises(NotAProject, match=r"project\.json"):
        open_store(tmp_path / "other")
    (tmp_path / "other" / "file").touch()
    with pytest.raises(NotAProject, match="not empty"):
        create_store(tmp_path / "other")
    create_store(tmp_path / "a.rk")
    with pytest.raises(NotAProject, match="already is a project"):
        create_store(tmp_path / "a.rk")
    (tmp_path / "a.rk" / "project.json").write_text('{"format": 99}')
    with pytest.raises(NotAProject, match="Update replaykit"):
        open_store(tmp_path / "a.rk")
    with pytest.raises(BadInput):
        create_store(tmp_path / "b.rk", Settings(buckets=0))


def test_a_source_that_fails_half_way_leaves_nothing(shop):
    def broken():
        yield batch([row(0)])
        raise BadInput("the disk said no")

    class Source:
        def batches(self):
            return broken()

        def expected(self):
            return None

        def narrow(self):
            return {}

        def finished(self, new, duplicate):
            return None

    with pytest.raises(BadInput, match="said no"):
        open_store(shop).ingest(Source())
    assert open_store(shop).rows == 0
    assert not list((shop / "staging").iterdir())
    assert not list((shop / "writers").glob("*.json"))


# ── promotion ─────────────────────────────────────────────────────────────────
def rare(shop, tmp_path, count=100):
    """Fill the room for columns, so that `late` lies in the text alone."""
    first = {f"p{number}": number for number in range(80)}
    ingest(
        shop,
        export(
            tmp_path / "in", [event(0, "A", "ana", event_properties=first)], "0.json"
        ),
    )
    events = [
        event(
            1 + n,
            "A",
            f"u{n % 7}",
            event_properties={"late": "odd" if n == 3 else n, "word": f"w{n % 3}"},
        )
        for n in range(count)
    ]
    ingest(shop, export(tmp_path / "in", events, "1.json"))
    return open_store(shop)


def test_what_a_question_used_gets_a_column_at_the_next_compaction(shop, tmp_path):
    store = rare(shop, tmp_path)
    registry = store.snapshot.catalog.registry
    assert not registry.find("late").promoted
    project = rk.open(shop)
    want = project.events.segmentation("A", by="word").table
    big = project.events.filter(pl.col("late") > 50).segmentation("A", measure="totals")
    before = truth(shop)
    assert len(list((shop / "asked").glob("*.json"))) == 2
    project.compact()
    registry = open_store(shop).snapshot.catalog.registry
    assert registry.find("late").promoted
    assert registry.find("word").promoted
    assert not list((shop / "asked").glob("*.json"))
    assert_frame_equal(truth(shop), before)
    assert_frame_equal(rk.open(shop).events.segmentation("A", by="word").table, want)
    again = rk.open(shop).events.filter(pl.col("late") > 50)
    assert again.segmentation("A", measure="totals").table.equals(big.table)
    # The odd value is still there, should texts become the rule.
    assert dict(registry.find("late").filled)["string"] == 1


def test_promotion_by_hand_and_beside_another_writer(shop, tmp_path):
    store = rare(shop, tmp_path)
    before = truth(shop)
    real = DeltaTable.create_write_transaction
    late = export(
        tmp_path / "in",
        [event(900, "A", "zoe", event_properties={"late": 5})],
        "9.json",
    )
    raced = []

    def interfered(self, *args, **options):
        if not raced:
            raced.append(1)
            ingest(shop, late)
        return real(self, *args, **options)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(DeltaTable, "create_write_transaction", interfered)
        rk.open(shop).promote("late")
    got = truth(shop)
    assert got.filter(pl.col("user") == "zoe")["late"].to_list() == [5]
    assert_frame_equal(got.filter(pl.col("user") != "zoe"), before)
    assert open_store(shop).snapshot.catalog.registry.find("late").promoted
    assert store.rows == 101
    with pytest.raises(UnknownProperty, match="Did you mean 'late'"):
        rk.open(shop).promote("lat")


def test_a_project_that_may_only_be_read_answers_as_well(shop, tmp_path, monkeypatch):
    rare(shop, tmp_path)
    want = rk.open(shop).events.segmentation("A", by="word").table
    for path in (shop / "asked").glob("*"):
        path.unlink()

    def refused(*args, **options):
        raise PermissionError(13, "read-only")

    monkeypatch.setattr(asked_notes, "write_whole", refused)
    assert rk.open(shop).events.segmentation("A", by="word").table.equals(want)
    assert not list((shop / "asked").glob("*.json"))
