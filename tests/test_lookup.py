"""Looking a person up: by any id, with their stream by session, newest first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from spec.blocks import block

import replaykit as rk
from replaykit import errors
from replaykit.lookup import find_person
from replaykit.point_streams import stream_of
from replaykit.watchlists import POPULATION


def people():
    rows = block("ins.stream")
    frame = pl.DataFrame(rows).with_columns(
        session_id=pl.col("session_id").cast(pl.Int64).replace(-1, None),
        active=pl.col("active") == "1",
        number=pl.col("row").cast(pl.Int64),
    )
    return rk.events(
        frame.drop("row"),
        session="session_id",
        device="device_id",
        active="active",
    )


@pytest.mark.parametrize(
    "expected", [block("ins.stream.expected")], ids=["ins.stream.expected"]
)
def test_the_stream_is_grouped_by_session_newest_first(expected):
    stream = find_person(people().source, "u1").stream()
    found = stream.group_by("group", maintain_order=True).agg(
        pl.col("session_id").first(), rows=pl.col("number").cast(pl.String)
    )
    got = [
        {
            "group": str(group),
            "session": "out of session" if session is None else str(session),
            "rows newest first": " ".join(rows),
        }
        for group, session, rows in found.iter_rows()
    ]
    assert got == expected


def test_totals_and_profile():
    person = find_person(people().source, "u1")
    assert person.totals["events"] == 8
    assert person.totals["sessions"] == 2
    assert person.totals["usage"].total_seconds() == 20 * 60 + 5 * 60
    assert person.totals["devices"] == ["d1", "d2", "srv"]
    assert person.profile["number"] == 7
    assert "8 events" in repr(person)


def test_any_id_finds_and_says_which():
    shop = rk.events(
        pl.DataFrame(
            {
                "user": ["ana.1", "ben.2", "bea.3"],
                "time": ["2026-03-01 09:00"] * 3,
                "event": ["Search"] * 3,
                "device": ["d1", "d2", "d3"],
            }
        ),
        device="device",
    )
    source = shop.source
    assert find_person(source, "ana.1").found_by == "user id"
    assert find_person(source, "d2").user_id == "ben.2"
    assert find_person(source, "an").found_by == "user id prefix"
    with pytest.raises(errors.UnknownUser, match="begins 2 user ids"):
        find_person(source, "be")
    with pytest.raises(errors.UnknownUser, match="Did you mean 'ana.1'"):
        find_person(source, "anna.1")


@pytest.mark.parametrize("rows", [block("ins.window")], ids=["ins.window"])
def test_a_stream_shows_rows_around_the_window(rows):
    for row in rows:
        before, within, after = (
            int(row[f"events {place} range"]) for place in ("before", "in", "after")
        )
        start, stop = (datetime(2026, 3, day, tzinfo=UTC) for day in (2, 3))
        minute = timedelta(minutes=1)
        offsets = [
            *(start - minute * (k + 1) for k in range(before)),
            *(start + minute * k for k in range(within)),
            *(stop + minute * (k + 1) for k in range(after)),
        ]
        log = pl.DataFrame({"user": "ana", "time": offsets, "event": "Play"})
        source = rk.events(log).source
        point = pl.DataFrame(
            {
                "user": [source.user("ana")],
                "start": [start],
                "end": [stop],
                "at": [start],
                "rows": [[]],
            },
            schema=POPULATION,
        )
        shown = stream_of(source, point, "ana").page()
        names = {"before": "before", "within": "in range", "after": "after"}
        for key, name in names.items():
            assert shown[key] == int(row[f"shown {name}"]), (row, key)
