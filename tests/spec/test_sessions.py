"""The answer blocks of `sessions.md`, through public names."""

from __future__ import annotations

import polars as pl
import pytest

import replaykit as rk
from tests.spec.asked import agree, by_day, days_of, log_of, moment
from tests.spec.blocks import answers


def visits(**options):
    return log_of("ses.events", **options).between("2024-06-01", "2024-06-02")


def value(**options):
    return visits().sessions(**options).total["value"].item()


@answers("ses.sessions")
def test_one_row_per_session(expected):
    found = visits().sessions()
    lines = [
        {
            "user": row["user"],
            "session_id": str(row["session_id"]),
            "start": row["start"],
            "end": row["end"],
            "length_s": f"{row['length'].total_seconds():.0f}",
            "events": str(row["events"]),
            "counted": counted,
        }
        for counted, part in (("yes", found.sessions), ("no", found.left_out))
        for row in part.iter_rows(named=True)
    ]
    ordered = sorted(lines, key=lambda row: row["start"])
    assert ordered == [
        row | {"start": moment(row["start"]), "end": moment(row["end"])}
        for row in expected
    ]


MEASURES = {
    "total sessions": "total",
    "time spent (s)": "length",
    "active users": None,
    "time spent per user (s)": "time per user",
    "avg length (s)": "average length",
    "avg per user": "per user",
}


def measured(expected, **options):
    assert [row["measure"] for row in expected] == list(MEASURES)
    for row in expected:
        measure = MEASURES[row["measure"]]
        events = visits(**options)
        if measure is None:
            found = events.filter(active=True).segmentation("*")
        else:
            found = events.sessions(measure=measure)
        got = by_day(found.table) | {"range": found.total["value"].item()}
        agree(got, row, [*days_of(row), "range"])


@answers("ses.measures")
def test_six_measures(expected):
    measured(expected)


@answers("ses.measures.tokyo")
def test_days_of_the_zone(expected):
    measured(expected, tz="Asia/Tokyo")


def lengths(expected, bins):
    found = visits().sessions(measure="length distribution", bins=bins)
    assert [(row["bin_s"], row["sessions"]) for row in expected] == [
        (bucket.replace(",", ""), str(count)) for bucket, count in found.total.rows()
    ]
    for bucket, count in found.total.rows():
        assert len(found.point(by=bucket).users.population) == count


@answers("ses.length_hist")
def test_lengths(expected):
    lengths(expected, None)


@answers("ses.length_hist.custom")
def test_lengths_in_own_bins(expected):
    lengths(expected, (0, 1800, 600))


@answers("ses.events_within")
def test_events_inside_sessions(expected):
    bins = [(0, 0), (1, 1), (2, 2)]
    click = {"counting": "Click"}
    counts = visits().sessions(measure="events distribution", bins=bins, **click)
    shown = dict(counts.total.rows())
    found = {
        "total Click across sessions": value(measure="events", **click),
        "avg Click per session": value(measure="events per session", **click),
        "distribution 0 (not shown)": shown["0"],
        "distribution 1": shown["1"],
        "distribution 2": shown["2"],
    }
    assert [row["measure"] for row in expected] == list(found)
    for row in expected:
        agree({"range": found[row["measure"]]}, row, ["range"])
    default = visits().sessions(measure="events distribution", **click)
    assert "0" not in default.total["bucket"].to_list()


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
    assert [row["query"] for row in expected] == list(found)
    for row in expected:
        agree({"value": found[row["query"]]}, row, ["value"])


@answers("ses.prefilter")
def test_conditions_hold_before_sessions_are_formed(expected):
    found = visits().filter(pl.col("event") == "Page View").sessions().sessions
    lines = [
        {
            "user": row["user"],
            "session_id": str(row["session_id"]),
            "start": row["start"],
            "end": row["end"],
            "length_s": f"{row['length'].total_seconds():.0f}",
        }
        for row in found.sort("start", "user").iter_rows(named=True)
    ]
    assert lines == [
        row | {"start": moment(row["start"]), "end": moment(row["end"])}
        for row in expected
    ]


@answers("ses.custom.expected")
def test_own_rules(expected):
    rules = {
        "timeout 30 min": rk.SessionRule("30m"),
        "timeout 30 min + device constant": rk.SessionRule("30m", same="device"),
        "start app open + timeout 30 min": rk.SessionRule(
            "30m", starts_with="app open"
        ),
        "timeout 30 min + end logout": rk.SessionRule("30m", ends_with="logout"),
    }
    events = log_of("ses.custom")
    rows = events.collect()["row"].to_list()
    assert [row["row"] for row in expected] == [str(at + 1) for at in range(len(rows))]
    for name, rule in rules.items():
        found = events.sessions(rule=rule).sessions
        numbers = {}
        ordered = found.sort(pl.col("rows").list.first())
        for number, part in enumerate(ordered["rows"], start=1):
            numbers.update(dict.fromkeys(part.to_list(), str(number)))
        got = [numbers.get(row, "-") for row in rows]
        assert got == [row[name] for row in expected], name


def test_containing_takes_a_step_with_conditions():
    carts = visits().sessions(containing=rk.event("*", page="cart"))
    assert carts.total["value"].item() == 1
    assert set(carts.point().users) == {"u1"}
    with pytest.raises(rk.errors.UnknownEvent, match="Page View"):
        visits().sessions(containing="Page Views")
