"""Other tools' exports and any table: read alike, told apart, and as idempotent."""

from __future__ import annotations

import gzip
import io
import random
from datetime import datetime, timedelta

import duckdb
import orjson
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from exports import START, event, export, truth
from polars.testing import assert_frame_equal

import replaykit as rk
from replaykit.errors import BadInput, UnknownOption, UnknownProperty
from replaykit.store import open_store


@pytest.fixture
def shop(tmp_path):
    return rk.create(tmp_path / "shop.rk")


def at(minute):
    return START + timedelta(minutes=minute)


def people(shop):
    """Return (public id, event) in order of time."""
    rows = truth(shop.folder).sort("time", "event")
    return rows.select("user", "event").rows()


def mixpanel(minute, name, distinct, **more):
    return {
        "event": name,
        "properties": {
            "time": int(at(minute).timestamp()),
            "distinct_id": distinct,
            "$insert_id": f"i{minute}-{name}",
            **more,
        },
    }


MIXPANEL = [
    mixpanel(0, "Search", "$device:D1", **{"$device_id": "D1", "q": "red"}),
    mixpanel(1, "Buy", "ana", **{"$device_id": "D1", "$user_id": "ana", "price": 20}),
    mixpanel(2, "Search", "$device:D2", **{"$device_id": "D2", "$city": "Rome"}),
    mixpanel(3, "Buy", "bob", price=9.5, mp_country_code="IT"),
    mixpanel(4, "Search", "D3", **{"$device_id": "D3"}),
    mixpanel(5, "Search", "$device:D1", **{"$device_id": "D1"}),
]


def lines(rows):
    return b"\n".join(map(orjson.dumps, rows)) + b"\n"


def test_mixpanel_people_follow_the_device_and_the_login(shop, tmp_path):
    path = tmp_path / "export.json"
    path.write_bytes(lines(MIXPANEL))
    report = shop.add_events(path)
    assert (report.new, report.duplicate, report.what) == (6, 0, "Mixpanel")
    assert people(shop) == [
        ("ana", "Search"),
        ("ana", "Buy"),
        ("D2", "Search"),
        ("bob", "Buy"),
        ("D3", "Search"),
        ("ana", "Search"),
    ]
    rows = truth(shop.folder).sort("time")
    assert rows["price"].to_list() == [None, 20.0, None, 9.5, None, None]
    assert rows["country"].to_list()[3] == "IT"
    assert rows["city"].to_list()[2] == "Rome"
    assert "distinct_id" not in rows.columns
    assert rows["time"][0] == START


@pytest.mark.parametrize("seed", range(4))
def test_mixpanel_in_pieces_and_twice_is_the_same_table(shop, tmp_path, seed):
    once = rk.create(tmp_path / "once.rk")
    whole = tmp_path / "whole.json.gz"
    whole.write_bytes(gzip.compress(lines(MIXPANEL)))
    once.add_events(whole, format="mixpanel")
    chance = random.Random(seed)
    rows = chance.sample(MIXPANEL + MIXPANEL[:3], 9)
    for number in range(0, 9, 2):
        path = tmp_path / f"{number}.jsonl"
        path.write_bytes(lines(rows[number : number + 2]))
        shop.add_events(path, format="mixpanel")
    shop.add_events(whole, format="mixpanel")
    assert_frame_equal(truth(shop.folder), truth(once.folder))


def posthog(minute, name, distinct, **properties):
    return {
        "uuid": f"0190-{minute}-{name}",
        "event": name,
        "distinct_id": distinct,
        "timestamp": at(minute).isoformat(),
        "properties": properties,
        "person_properties": {"plan": "pro"} if distinct == "ana" else {},
    }


POSTHOG = [
    posthog(0, "$pageview", "anon-1", **{"$device_id": "anon-1", "$session_id": "s1"}),
    posthog(
        1,
        "$identify",
        "ana",
        **{"$device_id": "anon-1", "$user_id": "ana", "$session_id": "s1"},
    ),
    posthog(2, "Buy", "ana", price=20, **{"$geoip_country_name": "Italy"}),
    posthog(3, "$pageview", "anon-2", **{"$device_id": "anon-2", "price": 1.5}),
    posthog(4, "Buy", "other", **{"$device_id": "anon-3", "$is_identified": False}),
    posthog(5, "$identify", "eve", **{"$anon_distinct_id": "server-anon"}),
]
POSTHOG_PEOPLE = [
    ("ana", "$pageview"),
    ("ana", "$identify"),
    ("ana", "Buy"),
    ("anon-2", "$pageview"),
    ("anon-3", "Buy"),
    ("eve", "$identify"),
]


def posthog_file(folder, form):
    rows = [
        {
            **row,
            "properties": orjson.dumps(row["properties"]).decode(),
            "person_properties": orjson.dumps(row["person_properties"]).decode(),
        }
        for row in POSTHOG
    ]
    frame = pl.DataFrame(rows)
    path = folder / f"events.{form}"
    if form == "parquet":
        frame.with_columns(
            pl.col("timestamp").str.to_datetime(time_zone="UTC")
        ).write_parquet(path)
    elif form == "csv":
        frame.write_csv(path)
    elif form == "csv.gz":
        path.write_bytes(gzip.compress(frame.write_csv().encode()))
    elif form == "json":
        path.write_bytes(orjson.dumps(POSTHOG))
    else:
        path.write_bytes(lines(POSTHOG))
    return path


@pytest.mark.parametrize("form", ["parquet", "csv", "csv.gz", "jsonl", "json"])
def test_posthog_reads_alike_in_every_form(shop, tmp_path, form):
    path = posthog_file(tmp_path, form)
    report = shop.add_events(path)
    assert (report.new, report.skipped, report.what) == (6, (), "PostHog")
    assert people(shop) == POSTHOG_PEOPLE
    assert shop.add_events(path).duplicate == 6
    # Another form of the same events holds nothing new either.
    (tmp_path / "more").mkdir()
    again = posthog_file(tmp_path / "more", "jsonl" if form != "jsonl" else "csv")
    assert shop.add_events(again, format="posthog").new == 0
    rows = truth(shop.folder).sort("time")
    assert rows["price"].to_list() == [None, None, 20.0, 1.5, None, None]
    assert rows["country"].to_list()[2] == "Italy"
    assert rows["plan"].to_list() == [None, "pro", "pro", None, None, None]
    session = rows["session_id"]
    assert session[0] == session[1] < -1
    assert session[2] is None


def test_posthog_columns_of_properties_are_read(shop, tmp_path):
    path = tmp_path / "flat.csv"
    path.write_text(
        "uuid,event,distinct_id,timestamp,properties.$device_id,properties.page\n"
        "u1,Seen,d1,2026-03-01 09:00:00.5,d1,/home\n"
        "u2,Seen,ana,2026-03-01 09:01:00,d1,\n"
        "u3,Seen,,2026-03-01 09:01:00,,\n"
        "u4,Seen,ana,soon,,\n"
    )
    report = shop.add_events(path)
    assert people(shop) == [("ana", "Seen"), ("ana", "Seen")]
    assert {one.reason: one.rows for one in report.skipped} == {
        "no user id or device id": 1,
        "no time that can be read": 1,
    }
    assert "flat.csv:3" in repr(report)
    assert truth(shop.folder)["page"].to_list() == ["/home", None]


# ── tables ────────────────────────────────────────────────────────────────────
TABLE = {
    "uid": ["ana", "bob", None, "ana"],
    "ts": [
        "2026-03-01 10:00",
        "2026-03-01 10:01",
        "2026-03-01 10:02",
        "2026-03-01 11:00",
    ],
    "name": ["Search", "Buy", "Search", "Buy"],
    "visit": [1, 2, 3, 1],
    "price": [None, 9.5, None, 20.0],
}


def tables(folder):
    frame = pl.DataFrame(TABLE)
    frame.write_parquet(folder / "t.parquet")
    frame.write_csv(folder / "t.csv")
    frame[:2].write_csv(folder / "1.csv")
    frame[2:].write_parquet(folder / "2.parquet")
    frame.write_ndjson(folder / "t.ndjson")
    indexed = frame.to_pandas().set_index("uid")
    indexed["name"] = indexed["name"].astype("category")
    return {
        "eager": frame,
        "lazy": frame.lazy(),
        "pandas": frame.to_pandas(),
        "pandas index": indexed,
        "pandas object": frame.to_pandas().astype({"name": object, "ts": object}),
        "arrow": frame.to_arrow(),
        "arrow stream": pa.RecordBatchReader.from_stream(frame.to_arrow()),
        "duckdb": duckdb.sql("select * from frame"),
        "dict": TABLE,
        "parquet": folder / "t.parquet",
        "csv": folder / "t.csv",
        "ndjson": folder / "t.ndjson",
        "several": [folder / "1.csv", folder / "2.parquet"],
    }


KINDS = (
    *("eager", "lazy", "pandas", "pandas index", "pandas object", "arrow"),
    *("arrow stream", "duckdb", "dict", "parquet", "csv", "ndjson", "several"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_any_table_reads_alike(tmp_path, kind):
    shop = rk.create(tmp_path / "shop.rk", tz="Europe/Paris")
    table = tables(tmp_path)[kind]
    report = shop.add_events(
        table, user="uid", time="ts", event="name", session="visit"
    )
    assert report.new == 3
    assert report.skipped_rows == report.rows - report.new - report.duplicate
    told = shop.events.segmentation("Buy", measure="totals", every="1d").table
    assert told["value"].sum() == 2
    assert (report.read_bytes > 0) == (kind in {"parquet", "csv", "ndjson", "several"})
    rows = truth(shop.folder)
    # Naive times are the project's: ten in Paris is nine in UTC.
    assert rows["time"].dt.hour().to_list() == [9, 10, 9]
    assert rows["price"].to_list() == [None, 20.0, 9.5]
    assert rows["session_id"].to_list() == [1, 1, 2]
    if kind != "arrow stream":
        again = shop.add_events(
            tables(tmp_path)[kind], user="uid", time="ts", event="name", session="visit"
        )
        assert again.new == 0


def test_a_table_with_ids_follows_the_rules_of_exports(shop):
    table = pl.DataFrame(
        {
            "user": [None, "ana", "ana", "ana"],
            "time": [datetime(2026, 3, 1, hour) for hour in (9, 10, 11, 12)],
            "event": ["A", "B", "C", "C"],
            "device": ["d", "d", "d", "e"],
            "key": ["1", "2", "3", "3"],
        }
    )
    for part in (table[2:], table[:2], table):
        shop.add_events(part, device="device", insert_id="key")
    # The login reaches back to the anonymous row; another device is another event.
    assert people(shop) == [("ana", "A"), ("ana", "B"), ("ana", "C"), ("ana", "C")]
    assert shop.add_events(table, device="device", insert_id="key").new == 0


def test_formats_are_told_apart_and_mistakes_are_named(shop, tmp_path):
    amplitude = export(tmp_path, [event(1, "A", "ana")], "a.json.gz")
    assert shop.add_events(amplitude).what == "Amplitude"
    odd = tmp_path / "odd.csv"
    odd.write_text("who,when\nana,2026-03-01\n")
    with pytest.raises(BadInput, match=r"who.*user="):
        shop.add_events(odd)
    with pytest.raises(UnknownProperty, match=r"user='whom'.*Did you mean 'who'"):
        shop.add_events(odd, user="whom", time="when", event="what")
    with pytest.raises(UnknownOption, match="'posthog'"):
        shop.add_events(odd, format="posthoc")
    with pytest.raises(BadInput, match="Leave them out"):
        shop.add_events(amplitude, format="amplitude", user="uid")
    with pytest.raises(BadInput, match="PostHog"):
        shop.add_events(odd, format="posthog")
    assert shop._store.rows == 1


# ── numbers written as text ───────────────────────────────────────────────────
def priced(prices, start=0):
    return [
        event(start + n, "Buy", "ana", "d", event_properties={"price": price})
        for n, price in enumerate(prices)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_one_odd_value_does_not_make_a_number_text(tmp_path, seed):
    prices = [20, 35.5, "19.99", "free", *range(40)]
    events = priced(prices)
    want = [20.0, 35.5, 19.99, None, *map(float, range(40))]
    chance = random.Random(seed)
    shop = rk.create(tmp_path / "shop.rk")
    rows = chance.sample(events, len(events)) if seed else events
    step = [44, 10, 7, 1][seed]
    texts = 0
    for number in range(0, len(rows), step):
        path = export(tmp_path / "in", rows[number : number + step], f"{number}.json")
        report = shop.add_events(path, progress=False)
        texts += sum("'price'" in note for note in report.notes)
    store = open_store(shop.folder)
    assert store.properties["price"] == "float"
    got = store.scan(["price"]).sort("time").collect()["price"]
    assert got.to_list() == want
    if step == 44:
        assert texts == 1
        assert "2 texts, such as '19.99', beside 42 numbers" in repr(report)
    bigger = shop.events.filter(pl.col("price") > 30).segmentation(
        "Buy", measure="totals"
    )
    assert bigger.table["value"].sum() == 1 + 9
    # Nothing is lost: the text still says what it said.
    files = pl.scan_parquet(
        [
            store.folder / "events" / one
            for part in store.snapshot.files.values()
            for one in part
        ]
    )
    texts_kept = files.select("event_properties").collect()["event_properties"]
    assert sum("free" in one for one in texts_kept) == 1


def test_a_property_of_many_texts_stays_text(shop, tmp_path):
    shop.add_events(export(tmp_path, priced([1, 2, "three", "four", 5.5]), "1.json"))
    assert open_store(shop.folder).properties["price"] == "string"
    assert truth(shop.folder)["price"].to_list() == ["1", "2", "three", "four", "5.5"]
    # As numbers become the rule, the same table reads as numbers.
    shop.add_events(export(tmp_path, priced(range(100), 50), "2.json"))
    assert open_store(shop.folder).properties["price"] == "float"
    got = truth(shop.folder)["price"].to_list()
    assert got[:5] == [1.0, 2.0, None, None, 5.5]


def test_codes_that_look_like_numbers_stay_text(shop, tmp_path):
    zips = priced(["01234", "99999", "00007"])
    shop.add_events(export(tmp_path, zips, "1.json"))
    assert truth(shop.folder)["price"].to_list() == ["01234", "99999", "00007"]


def test_mixed_values_among_nested_and_escaped_ones(shop, tmp_path):
    events = [
        event(
            n,
            "Buy",
            "ana",
            "d",
            event_properties={
                "price": "n/a" if n == 3 else n,
                "note": 'say "price":5',
                "items": [{"price": "x"}] if n % 2 else [1, 2],
                "code": str(n),
            },
        )
        for n in range(30)
    ]
    shop.add_events(export(tmp_path, events, "1.json"))
    got = truth(shop.folder)
    assert got["price"].to_list() == [None if n == 3 else n for n in range(30)]
    assert got["code"].to_list() == [str(n) for n in range(30)]
    assert got["note"].to_list() == ['say "price":5'] * 30


def test_the_fast_decoder_misses_no_new_key(shop, tmp_path):
    # Blocks after the first are decoded as the first was; what is new must be seen.
    source = rk.ingest.AmplitudeExport
    early = priced([1] * 10)
    late = priced([2] * 10, 20)
    late[5]["event_properties"] = {"price": 3, "coupon": "X"}
    late[6]["event_properties"] = {"price": "4"}
    late[7]["event_properties"] = {"price": None}
    late[8]["event_properties"] = {"price": True}
    paths = [export(tmp_path, early, "1.json"), export(tmp_path, late, "2.json")]
    read = pl.concat(source(paths, progress=False).batches(), how="diagonal")
    assert read["event.coupon"].drop_nulls().to_list() == ["X"]
    numbers = read["event.price"][10:].to_list()
    assert numbers == [2, 2, 2, 2, 2, 3, None, None, 1, 2]
    texts = next(name for name in read.columns if name.startswith("event.price\x1f"))
    assert read[texts].drop_nulls().to_list() == ["4"]


def test_a_stream_is_read_once(shop):
    buffer = io.BytesIO()
    pl.DataFrame({"user": ["ana"], "time": [START], "event": ["A"]}).write_ipc_stream(
        buffer
    )
    report = shop.add_events(pa.ipc.open_stream(buffer.getvalue()))
    assert report.new == 1
    assert pd.__version__
