"""The answer blocks of `sessions.md`, one test each, through `sessions`."""

from __future__ import annotations

import polars as pl
import pytest

from replaykit.analyses.segmentation import segmentation
from replaykit.analyses.sessions import SessionRule, sessions
from replaykit.query import event
from replaykit.timeline import between
from tests.answerblocks import assert_series, events_of, moment
from tests.spec.blocks import answers

SPAN = between("2024-06-01", "2024-06-02")


def visits():
    return events_of("ses.events")


def value(**options):
    return sessions(visits()[0], span=SPAN, **options).total["value"].item()


@answers("ses.sessions")
def test_one_row_per_session(expected):
    frame, users = visits()
    found = sessions(frame, span=SPAN)
    rows = [
        {
            "user": users[row["user"]],
            "session_id": str(row["session_id"]),
            "start": row["start"],
            "end": row["end"],
            "length_s": row["length"].total_seconds(),
            "events": row["events"],
            "counted": counted,
        }
        for counted, part in (("yes", found.sessions), ("no", found.left_out))
        for row in part.to_dicts()
    ]
    wanted = [
        {
            **row,
            "start": moment(row["start"]),
            "end": moment(row["end"]),
            "length_s": float(row["length_s"]),
            "events": float(row["events"]),
        }
        for row in expected
    ]
    order = lambda row: (row["user"], row["session_id"])  # noqa: E731
    assert sorted(rows, key=order) == sorted(wanted, key=order)
    assert [row["start"] for row in expected] == sorted(
        row["start"] for row in expected
    )


NAMES = {
    "total sessions": "total",
    "time spent (s)": "length",
    "time spent per user (s)": "time per user",
    "avg length (s)": "average length",
    "avg per user": "per user",
}


def measured(expected, tz):
    frame, _ = visits()
    span = between("2024-06-01", "2024-06-02", tz)
    for row in expected:
        days = [column for column in row if column != "measure"]
        if row["measure"] == "active users":
            found = segmentation(frame, "*", span=span, segments=pl.col("active"))
        else:
            found = sessions(frame, measure=NAMES[row["measure"]], span=span)
        got = dict(
            zip(
                found.table["time"].dt.strftime("%Y-%m-%d"),
                found.table["value"],
                strict=True,
            )
        )
        assert_series({**got, "range": found.total["value"].item()}, row, days)


@answers("ses.measures")
def test_six_measures(expected):
    measured(expected, "UTC")


@answers("ses.measures.tokyo")
def test_days_of_the_zone(expected):
    measured(expected, "Asia/Tokyo")


def lengths(expected, bins):
    found = sessions(visits()[0], measure="length distribution", span=SPAN, bins=bins)
    got = [
        (bucket.replace(",", ""), count) for bucket, count in found.total.iter_rows()
    ]
    assert got == [(row["bin_s"], int(row["sessions"])) for row in expected]


@answers("ses.length_hist")
def test_lengths(expected):
    lengths(expected, None)


@answers("ses.length_hist.custom")
def test_lengths_in_own_bins(expected):
    lengths(expected, (0, 1800, 600))


@answers("ses.events_within")
def test_events_inside_sessions(expected):
    counts = sessions(
        visits()[0],
        span=SPAN,
        measure="events distribution",
        counting="Click",
        bins=[(0, 0), (1, 1), (2, 2)],
    )
    shown = dict(counts.total.iter_rows())
    found = {
        "total Click across sessions": value(measure="events", counting="Click"),
        "avg Click per session": value(measure="events per session", counting="Click"),
        "distribution 0 (not shown)": shown["0"],
        "distribution 1": shown["1"],
        "distribution 2": shown["2"],
    }
    assert found == {
        row["measure"]: pytest.approx(float(row["range"])) for row in expected
    }


def test_no_click_is_not_shown_by_default():
    found = sessions(
        visits()[0], span=SPAN, measure="events distribution", counting="Click"
    )
    assert "0" not in found.total["bucket"].to_list()


@answers("ses.filters")
def test_filters(expected):
    total = value()
    bounces = value(containing="Page View", times="= 1")
    first = value(first={"page": "home"})
    found = {
        "all sessions": total,
        "contains Page View >= 1": value(containing="Page View", times=">= 1"),
        "contains Page View = 1 (bounce)": bounces,
        "bounce rate pct": 100 * bounces / total,
        "duration >= 60 s": value(length=">= 60s"),
        "first page is home": first,
        "last page is cart": value(last={"page": "cart"}),
        "entry rate home pct": 100 * first / total,
        "exit rate home pct": 100 * value(last={"page": "home"}) / total,
    }
    assert found == {
        row["query"]: pytest.approx(float(row["value"])) for row in expected
    }


@answers("ses.prefilter")
def test_conditions_hold_before_sessions_are_formed(expected):
    frame, users = visits()
    found = sessions(frame, span=SPAN, segments=pl.col("event") == "Page View")
    got = [
        (
            users[row["user"]],
            str(row["session_id"]),
            row["start"],
            row["end"],
            row["length"].total_seconds(),
        )
        for row in found.sessions.to_dicts()
    ]
    assert got == [
        (
            row["user"],
            row["session_id"],
            moment(row["start"]),
            moment(row["end"]),
            float(row["length_s"]),
        )
        for row in expected
    ]


@answers("ses.custom.expected")
def test_own_rules(expected):
    frame, _ = events_of("ses.custom")
    rules = {
        "timeout 30 min": SessionRule("30m"),
        "timeout 30 min + device constant": SessionRule("30m", same="device"),
        "start app open + timeout 30 min": SessionRule("30m", starts_with="app open"),
        "timeout 30 min + end logout": SessionRule("30m", ends_with="logout"),
    }
    for name, rule in rules.items():
        found = sessions(frame, span=SPAN, rule=rule)
        numbers = {}
        ordered = found.sessions.sort(pl.col("rows").list.first())
        for number, rows in enumerate(ordered["rows"], start=1):
            numbers.update(dict.fromkeys(rows.to_list(), str(number)))
        got = [numbers.get(int(row["row"]) - 1, "-") for row in expected]
        assert got == [row[name] for row in expected], name


def test_a_point_names_its_sessions():
    from replaykit.points import SessionsKey

    frame, users = visits()
    found = sessions(frame, span=SPAN, by="page")
    assert found.groups == ["page"]
    ms = 1717200000000
    people = found.population(SessionsKey(("home",), ms))
    assert [users[u] for u in people["user"]] == ["u1", "u3", "u1"]
    assert people["rows"].list.first().to_list() == [0, 9, 4]
    assert people.height == found.table.filter(pl.col("page") == "home")["value"].sum()


def test_events_without_session_are_in_none():
    assert value(containing=event("Order")) == 0
