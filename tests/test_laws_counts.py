"""Counts equal the slow oracle on random logs, and keep their laws."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replaykit.analyses.retention import retention
from replaykit.analyses.segmentation import segmentation
from replaykit.analyses.segments import Segment
from replaykit.analyses.sessions import SessionRule, sessions
from replaykit.points import RetentionKey, SegmentationKey, SessionsKey
from replaykit.timeline import between
from tests import oracle_counts as oracle

NEAR = settings(max_examples=20, deadline=None)
TIME = pl.Datetime("us", "UTC")
# New York changes its clocks on 10 March 2024.
START = datetime(2024, 3, 8, tzinfo=UTC)
FIRST, LAST = date(2024, 3, 9), date(2024, 3, 12)
SCHEMA = {
    "user": pl.Int32,
    "time": TIME,
    "event": pl.String,
    "active": pl.Boolean,
    "country": pl.String,
    "price": pl.Float64,
    "session_id": pl.Int64,
    "client_time": TIME,
}
MOMENTS = st.one_of(
    st.integers(0, 6 * 24).map(lambda hour: START + timedelta(hours=hour)),
    st.integers(0, 6 * 86_400_000).map(lambda ms: START + timedelta(milliseconds=ms)),
)


@st.composite
def rows(draw):
    one = st.fixed_dictionaries(
        {
            "user": st.integers(0, 3),
            "time": MOMENTS,
            "event": st.sampled_from(["a", "b", "c"]),
            "active": st.sampled_from([True, True, True, False]),
            "country": st.sampled_from(["DE", "FR", "", None]),
            "price": st.sampled_from([None, 1.0, 2.0, 7.5, -1.0]),
            "session_id": st.sampled_from([None, 1, 2, 3]),
            "client_time": st.one_of(st.none(), MOMENTS),
        }
    )
    drawn = draw(st.lists(one, max_size=25))
    return [{**row, "row": at} for at, row in enumerate(drawn)]


def frame_of(rows):
    """The rows as a frame; row ids are kept, so that order cannot matter."""
    return pl.DataFrame(rows, schema={**SCHEMA, "row": pl.Int64})


def shuffled(rows, draw):
    return frame_of(draw(st.permutations(rows)))


def known(rows, *names):
    """Add one row of each event far before the range, so that names exist."""
    early = START - timedelta(days=900)
    extra = [
        {
            "user": 9,
            "time": early,
            "event": name,
            "active": True,
            "country": "DE",
            "price": None,
            "session_id": None,
            "client_time": None,
            "row": len(rows) + k,
        }
        for k, name in enumerate(names)
    ]
    return rows + extra


def points_of(found, tz, groups=()):
    table = found.table.with_columns(
        day=pl.col("time").dt.convert_time_zone(tz).dt.date()
    )
    return {
        (*row[:-2], row[-2]): row[-1]
        for row in table.select(*groups, "day", "value").rows()
    }


def close(one, two):
    if one is None or two is None:
        return one is None and two is None
    return one == pytest.approx(two)


MEASURES = [
    "uniques",
    "totals",
    "active",
    "average",
    "sum",
    "mean",
    "median",
    "min",
    "max",
    "distinct",
    "distinct per user",
]


def ask(frame, measure, **options):
    aggregate = {"mean": "average"}.get(measure, measure)
    if measure in MEASURES[4:]:
        return segmentation(
            frame, "a", measure="property", of="price", aggregate=aggregate, **options
        )
    return segmentation(frame, "a", measure=measure, **options)


@NEAR
@given(
    st.data(),
    rows(),
    st.sampled_from(MEASURES),
    st.sampled_from(["UTC", "America/New_York"]),
    st.sampled_from(["any", "new", "active"]),
    st.booleans(),
)
def test_segmentation_equals_the_oracle(data, drawn, measure, tz, kind, grouped):
    drawn = known(drawn, "a")
    span = between(FIRST, LAST, tz)
    days = oracle.days_between(FIRST, LAST)
    by = "country" if grouped else None
    found = ask(
        shuffled(drawn, data.draw),
        measure,
        span=span,
        by=by,
        segments=Segment(kind=kind),
    )
    points, totals = oracle.segmentation(
        drawn, "a", measure, days, tz, kind=kind, by=by
    )
    got = points_of(found, tz, [by] if by else [])
    wanted = {
        (group, day) if by else (day,): value for (group, day), value in points.items()
    }
    assert got.keys() == wanted.keys()
    assert all(close(got[key], wanted[key]) for key in wanted), (got, wanted)
    collapsed = (
        dict(found.total.select(by, "value").rows())
        if by
        else {None: found.total["value"].item()}
    )
    assert collapsed.keys() == totals.keys()
    assert all(close(collapsed[key], totals[key]) for key in totals), (
        collapsed,
        totals,
    )


@NEAR
@given(rows(), st.integers(1, 4))
def test_windows_equal_the_oracle(drawn, size):
    drawn = known(drawn, "a")
    days = oracle.days_between(FIRST, LAST)
    frame, span = frame_of(drawn), between(FIRST, LAST)
    rolled = segmentation(frame, "a", span=span, over=f"rolling {size}")
    assert points_of(rolled, "UTC") == {
        (day,): n
        for day, n in oracle.rolling_uniques(drawn, "a", days, size, "UTC").items()
    }
    running = segmentation(frame, "a", span=span, over="cumulative")
    assert points_of(running, "UTC") == {
        (day,): n
        for day, n in oracle.cumulative_uniques(drawn, "a", days, "UTC").items()
    }
    for found in (rolled, running):
        for row in found.table.to_dicts():
            key = SegmentationKey(0, (), int(row["time"].timestamp() * 1000))
            assert found.population(key).height == row["value"]


@NEAR
@given(rows())
def test_frequency_equals_the_oracle(drawn):
    drawn = known(drawn, "a")
    days = oracle.days_between(FIRST, LAST)
    found = segmentation(
        frame_of(drawn),
        "a",
        measure="frequency",
        span=between(FIRST, LAST),
        bins=[(k, k) for k in range(1, 26)],
    )
    got = {
        (int(bucket), day): n
        for (bucket, day), n in points_of(found, "UTC", ["bucket"]).items()
        if n
    }
    assert got == dict(oracle.frequency(drawn, "a", days, "UTC"))


@NEAR
@given(rows(), st.integers(1, 3))
def test_groups_and_other_are_everything(drawn, top):
    drawn = known(drawn, "a")
    frame, span = frame_of(drawn), between(FIRST, LAST)
    for measure in ("totals", "uniques"):
        whole = segmentation(frame, "a", measure=measure, span=span)
        parts = segmentation(
            frame, "a", measure=measure, span=span, by="country", top=top
        )
        assert parts.total.height <= top + 1
        if measure == "totals":
            assert parts.table["value"].sum() == whole.table["value"].sum()
        sizes = parts.total.filter(pl.col("country") != "other")["value"]
        assert sizes.is_sorted(descending=True)
        for row in parts.table.to_dicts():
            people = parts.population(
                SegmentationKey(
                    0, (row["country"],), int(row["time"].timestamp() * 1000)
                )
            )
            number = (
                people["rows"].list.len().sum()
                if measure == "totals"
                else people.height
            )
            assert number == row["value"]


@NEAR
@given(rows())
def test_a_row_of_two_events_counts_in_both_and_once_in_their_or(drawn):
    from replaykit.query import event

    drawn = known(drawn, "a", "b")
    frame, span = frame_of(drawn), between(FIRST, LAST)
    steps = ["a", event("*").named("any"), event("a", "b").named("a or b")]
    together = segmentation(frame, steps, measure="totals", span=span)
    for step in steps:
        alone = segmentation(frame, step, measure="totals", span=span)
        mine = together.table.filter(
            event=step if isinstance(step, str) else step.label
        )
        assert mine.equals(alone.table)


@NEAR
@given(st.data(), rows())
def test_sessions_equal_the_oracle(data, drawn):
    frame = shuffled(drawn, data.draw)
    found = sessions(frame, span=between(FIRST, LAST), by="country")
    days = set(oracle.days_between(FIRST, LAST))
    wanted = {
        (user, number): one
        for (user, number), one in oracle.sessions(drawn).items()
        if one["start"].date() in days and one["length"] <= timedelta(days=1)
    }
    got = {
        (row["user"], row["session_id"]): (
            row["start"],
            row["end"],
            row["length"],
            row["rows"],
        )
        for row in found.sessions.to_dicts()
    }
    assert got == {
        key: (one["start"], one["end"], one["length"], one["rows"])
        for key, one in wanted.items()
    }
    per_day = {}
    for one in wanted.values():
        key = (oracle.label(one["country"]), one["start"].date())
        per_day[key] = per_day.get(key, 0) + 1
    assert {
        key: n for key, n in points_of(found, "UTC", ["country"]).items() if n
    } == per_day
    for row in found.table.to_dicts():
        people = found.population(
            SessionsKey((row["country"],), int(row["time"].timestamp() * 1000))
        )
        assert people.height == row["value"]
    plain = sessions(frame, span=between(FIRST, LAST))
    assert plain.total["value"].item() == len(wanted)


@NEAR
@given(
    st.data(),
    rows(),
    st.sampled_from(
        [
            {"timeout": "2h"},
            {"timeout": "6h", "same": "country"},
            {"timeout": "12h", "starts_with": "a"},
            {"timeout": "6h", "ends_with": "b"},
            {"starts_with": "a", "ends_with": "b", "same": "country"},
        ]
    ),
)
def test_each_event_is_in_at_most_one_session_of_a_rule(data, drawn, rule):
    frame = shuffled(drawn, data.draw)
    found = sessions(frame, rule=SessionRule(**rule))
    hours = rule.get("timeout", "")
    wanted = oracle.own_sessions(
        drawn,
        timeout=timedelta(hours=int(hours[:-1])) if hours else None,
        same=rule.get("same"),
        starts=rule.get("starts_with"),
        ends=rule.get("ends_with"),
    )
    by_row = {row["row"]: row for row in drawn}
    wanted = [
        one
        for one in wanted
        if oracle.described([by_row[k] for k in one])["length"] <= timedelta(days=1)
    ]
    got = sorted(found.sessions["rows"].to_list())
    assert got == wanted
    flat = [row for one in got for row in one]
    assert len(flat) == len(set(flat))
    if set(rule) == {"timeout"}:
        long = found.left_out["events"].sum()
        assert len(flat) + long == sum(row["active"] for row in drawn)


@NEAR
@given(
    st.data(),
    rows(),
    st.sampled_from([None, timedelta(hours=2)]),
    st.sampled_from(["UTC", "America/New_York"]),
    st.booleans(),
)
def test_sums_of_plain_sessions_equal_the_oracle(data, drawn, gap, tz, clocked):
    """Rows as a project keeps them, in pieces of whole users, need no list."""
    if not clocked:
        drawn = [{**row, "client_time": None} for row in drawn]
    users = data.draw(st.permutations(range(4)))
    ordered = sorted(
        drawn, key=lambda row: (users.index(row["user"]), row["time"], row["row"])
    )
    cut = data.draw(st.integers(0, 4))
    frames = [
        frame_of([row for row in ordered if row["user"] in part]).lazy()
        for part in (users[:cut], users[cut:])
    ]
    days = set(oracle.days_between(FIRST, LAST))
    if gap is None:
        formed = list(oracle.sessions(drawn).values())
    else:
        by_row = {row["row"]: row for row in drawn}
        formed = [
            oracle.described([by_row[k] for k in one])
            for one in oracle.own_sessions(drawn, timeout=gap)
        ]
    wanted: dict[date, list[float]] = {day: [] for day in days}
    for one in formed:
        day = oracle.day_of(one["start"], tz)
        if day in days and one["length"] <= timedelta(days=1):
            wanted[day].append(one["length"].total_seconds())
    active = {
        day: {
            row["user"]
            for row in drawn
            if row["active"] and oracle.day_of(row["time"], tz) == day
        }
        for day in days
    }
    everyone = set().union(*active.values())
    ranges = [(0, 10), (10, 3600), (60, 90_000)]

    def asked(measure, **options):
        return sessions(
            frames,
            measure=measure,
            rule=None if gap is None else SessionRule(timeout="2h"),
            span=between(FIRST, LAST, tz),
            **options,
        )

    def per(number, many):
        return number / many if many else None

    total, length = asked("total"), asked("length")
    seconds = [one for lengths in wanted.values() for one in lengths]
    assert points_of(total, tz) == {(day,): len(wanted[day]) for day in days}
    assert total.total["value"].item() == len(seconds)
    found = points_of(length, tz)
    for day in days:
        assert close(found[day,], sum(wanted[day]))
    for measure, whole in (("time per user", sum), ("per user", len)):
        one = asked(measure)
        found = points_of(one, tz)
        for day in days:
            assert close(found[day,], per(whole(wanted[day]), len(active[day])))
        assert close(one.total["value"].item(), per(whole(seconds), len(everyone)))
    spread = asked("length distribution", bins=ranges)
    assert spread.total["value"].to_list() == [
        sum(low <= one < high for one in seconds) for low, high in ranges
    ]
    for (label, day), value in points_of(spread, tz, ["bucket"]).items():
        low, high = ranges[spread.total["bucket"].to_list().index(label)]
        assert value == sum(low <= one < high for one in wanted[day])
    assert len(total.sessions) == len(seconds)


@settings(max_examples=15, deadline=None)
@given(
    st.data(),
    rows(),
    st.sampled_from(["on", "on or after"]),
    st.sampled_from(["24 hours", "calendar"]),
    st.integers(0, 40),
)
def test_retention_equals_the_oracle(data, drawn, measure, counting, hours):
    drawn = known(drawn, "a", "b")
    now = datetime(2024, 3, 13, tzinfo=UTC) + timedelta(hours=hours)
    days = oracle.days_between(FIRST, LAST)
    found = retention(
        shuffled(drawn, data.draw),
        "a",
        "b",
        measure=measure,
        counting=counting,
        span=between(FIRST, LAST),
        now=now,
    )
    cells, overall = oracle.retention(
        drawn, "a", "b", days, now, measure=measure, counting=counting
    )
    got = {
        (row["time"].date(), row["offset"]): (
            row["returned"],
            row["users"],
            row["incomplete"],
        )
        for row in found.table.drop_nulls("time").to_dicts()
    }
    assert got == {
        key: (len(back), len(users), incomplete)
        for key, (back, users, incomplete) in cells.items()
    }
    alls = {
        row["offset"]: (row["returned"], row["users"])
        for row in found.table.filter(pl.col("time").is_null()).to_dicts()
    }
    if cells:
        assert alls == {
            k: (len(back), len(users)) for k, (back, users) in overall.items()
        }
    for (day, k), (back, users, _) in cells.items():
        kept = found.population(RetentionKey(str(day), k))
        lost = found.population(RetentionKey(str(day), k, "lost"))
        assert set(kept["user"]) == back
        assert set(lost["user"]) == users - back


@NEAR
@given(rows())
def test_return_on_or_after_never_rises(drawn):
    drawn = known(drawn, "a", "b")
    found = retention(
        frame_of(drawn),
        "a",
        "b",
        measure="on or after",
        span=between(FIRST, LAST),
        now=START + timedelta(days=9),
    )
    for _, cohort in found.table.drop_nulls("time").group_by("cohort"):
        assert cohort.sort("offset")["returned"].is_sorted(descending=True)


def test_an_empty_log_gives_empty_answers():
    frame = frame_of([])
    assert segmentation(frame, "a").table.is_empty()
    assert sessions(frame).table.is_empty()
    assert retention(frame, "a", "b").table.is_empty()
    assert (
        segmentation(frame, "a", span=between(FIRST, LAST)).table["value"].to_list()
        == [0] * 4
    )
