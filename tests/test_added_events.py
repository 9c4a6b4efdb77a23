"""Events that were never tracked, beside those that were."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

import replaykit as rk
from replaykit.errors import BadInput, UnknownProperty, UnknownUser


def at(hour, minute=0):
    return datetime(2026, 3, 1, hour, minute, tzinfo=UTC)


@pytest.fixture
def events():
    log = pl.DataFrame(
        {
            "user": ["ben", "ana", "ana", "ben"],
            "time": [at(9), at(9), at(12), at(13)],
            "event": ["Search", "Search", "Buy", "Buy"],
            "price": [None, None, 5.0, 7.0],
            "visit": [1, 2, 2, 1],
        }
    )
    return rk.events(log, session="visit")


CALLS = pl.DataFrame(
    {
        "user": ["ana", None, "ben"],
        "time": [at(10), at(10), at(14)],
        "mood": ["good", "bad", "bad"],
    }
)


def test_added_events_count_like_any_other(events):
    both = events.also("Called", CALLS)
    assert both.segmentation("Called", measure="totals", every="1d").table[
        "value"
    ].to_list() == [2]
    assert both.funnel("Search", "Called", "Buy", within="1d").table[
        "users"
    ].to_list() == [2, 2, 1]
    assert both.filter(mood="good").collect("mood")["user"].to_list() == ["ana"]
    assert both.names.sort("event").rows() == [("Buy", 2), ("Called", 2), ("Search", 2)]


def test_the_events_they_were_added_to_stay_as_they_are(events):
    events.also("Called", CALLS)
    assert "Called" not in events.names["event"]
    assert "mood" not in events.source.properties


def test_properties_of_one_name_are_one(events):
    both = events.also(
        "Refund", pl.DataFrame({"user": ["ana"], "time": [at(15)], "price": [3]})
    )
    assert both.collect("price")["price"].to_list() == [None, 5.0, 3.0, None, 7.0]


def test_sessions_come_with_the_frame_or_stay_unknown(events):
    frame = CALLS.drop_nulls().with_columns(session_id=pl.Series([2, 1]))
    assert (
        events.also("Called", frame)
        .sessions(containing="Called", measure="total")
        .table["value"]
        .sum()
        == 2
    )
    assert (
        events.also("Called", CALLS)
        .sessions(containing="Called", measure="total")
        .table["value"]
        .sum()
        == 0
    )


def test_ties_stand_after_what_was_tracked(events):
    both = events.also("Called", pl.DataFrame({"user": ["ana"], "time": [at(9)]}))
    assert both.collect()["event"].to_list() == [
        "Search",
        "Called",
        "Buy",
        "Search",
        "Buy",
    ]


def test_times_in_any_zone_and_unit(events):
    frame = pl.DataFrame({"user": ["ana"], "time": [at(10)]}).with_columns(
        pl.col("time").dt.convert_time_zone("Asia/Tokyo").dt.cast_time_unit("ms")
    )
    assert events.also("Called", frame).filter(pl.col("event") == "Called").collect()[
        "time"
    ].to_list() == [at(10)]


def test_people_found_through_them_keep_them(events):
    called = events.also("Called", CALLS).users_who("Called")
    assert called.count() == 2
    assert called.events.segmentation("Called", measure="totals", every="1d").table[
        "value"
    ].to_list() == [2]


def test_what_replays_say_becomes_events():
    shop = rk.demo()
    errors = shop.replays.read("errors", progress=False)
    both = shop.events.also("Saw an error", errors)
    answer = both.funnel("Saw an error", "Purchase", within="7d")
    assert answer.table["users"][0] == errors["user"].n_unique()
    lost = answer.dropped(after="Saw an error")
    first = errors.sort("time").group_by("user", maintain_order=True).first()
    replays = lost.replays.table
    assert replays.height
    moments = errors.group_by("replay_id").agg("time_ms")
    for row in replays.join(moments, on="replay_id").iter_rows(named=True):
        if row["replay_id"] in first["replay_id"]:
            assert any(abs(row["matched_at"] - t) <= 1 for t in row["time_ms"])


@pytest.mark.parametrize(
    ("frame", "error", "says"),
    [
        (CALLS.drop("user"), UnknownProperty, "user"),
        (CALLS.with_columns(user=pl.lit("anna")), UnknownUser, "'ana'"),
        (CALLS.with_columns(time=pl.lit("soon")), BadInput, "Datetime"),
        (CALLS.with_columns(price=pl.lit([1])), BadInput, "price"),
    ],
)
def test_what_cannot_be_added_is_named(events, frame, error, says):
    with pytest.raises(error, match=says):
        events.also("Called", frame)


def test_a_name_that_is_taken_is_refused(events):
    with pytest.raises(BadInput, match="already"):
        events.also("Buy", CALLS)


def test_rows_added_twice_have_numbers_of_their_own(events):
    both = events.also("Called", CALLS).also("Wrote", CALLS)
    rows = both.source.scan(()).collect()
    assert rows["row"].is_unique().all()
    called = both.segmentation("Called", every="1d").point("Called")
    charted = called.users.population["rows"].explode()
    names = rows.filter(pl.col("row").is_in(charted.implode()))["event"]
    assert set(names) == {"Called"}


def test_added_rows_may_have_a_name_each(events):
    names = pl.Series(["Called", "Called", "Wrote"])
    both = events.also(names, CALLS)
    assert sorted(both.names["event"]) == ["Buy", "Called", "Search", "Wrote"]
    with pytest.raises(BadInput, match="3 rows and 2 names"):
        events.also(names[:2], CALLS)
