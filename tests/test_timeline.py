"""Durations, civil intervals, ranges and zones."""

from __future__ import annotations

import bisect
import random
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from replaykit.errors import BadDuration, BadTime, UnknownOption
from replaykit.timeline import (
    Span,
    between,
    bucket,
    buckets,
    check_interval,
    check_zone,
    instant,
    last,
    localize,
    microseconds,
    next_bucket,
)
from tests.answerblocks import moment

NY = "America/New_York"


ZONES = [
    "UTC",
    NY,
    "Australia/Lord_Howe",
    "America/Havana",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Africa/Casablanca",
]
EDGES = [
    (date(2011, 12, 20), date(2012, 1, 5)),
    (date(2018, 10, 20), date(2018, 11, 10)),
    (date(2024, 3, 5), date(2024, 4, 10)),
    (date(2024, 10, 1), date(2024, 11, 5)),
]


@pytest.mark.parametrize("tz", ZONES)
@pytest.mark.parametrize(
    "every", ["15m", "30m", "1h", "2h", "6h", "1d", "2d", "1w", "1mo", "1q", "1y"]
)
def test_intervals_tile_time_in_every_zone(tz, every):
    rng = random.Random(7)
    for low, high in EDGES:
        starts = [at.astimezone(UTC) for at in buckets(low, high, every, tz).to_list()]
        assert starts == sorted(set(starts))
        first, end = instant(low, tz), instant(high, tz)
        seconds = int((end - first).total_seconds())
        times = [first + timedelta(seconds=rng.randrange(seconds)) for _ in range(60)]
        frame = pl.DataFrame({"t": times}, schema={"t": pl.Datetime("us", "UTC")})
        found = frame.with_columns(
            b=bucket(pl.col("t"), every, tz), n=next_bucket(pl.col("t"), every, tz)
        )
        for at, start, follower in found.rows():
            k = bisect.bisect_right(starts, at) - 1
            assert starts[k] == start.astimezone(UTC)
            assert start <= at < follower
            if k + 1 < len(starts):
                assert starts[k + 1] == follower.astimezone(UTC)


def test_the_day_clocks_go_forward_has_23_hours():
    starts = buckets("2024-03-10", "2024-03-12", "1d", NY)
    assert starts.diff().drop_nulls().dt.total_hours().to_list() == [23]


def test_a_repeated_hour_is_two_intervals():
    starts = buckets("2024-11-03", "2024-11-04", "1h", NY)
    assert len(starts) == 25
    assert starts.dt.hour().to_list()[:4] == [0, 1, 1, 2]


def test_durations():
    assert microseconds("1d12h") == 36 * 3_600_000_000
    assert microseconds("500ms") == 500_000
    assert microseconds(timedelta(minutes=30)) == microseconds("30m")


@pytest.mark.parametrize(
    "text", ["7", "1mo", "", "-5m", "5 m", "0s", "1.5h", 30, None, "300000d"]
)
def test_what_is_no_duration(text):
    with pytest.raises(BadDuration):
        microseconds(text)


@pytest.mark.parametrize("text", ["7", "0d", "1s", "7h", "25m", "", None, "d"])
def test_what_is_no_interval(text):
    with pytest.raises(BadDuration):
        check_interval(text)


def test_a_bare_date_as_an_end_includes_its_day():
    march = between("2026-03-01", "2026-03-31")
    assert march == between(date(2026, 3, 1), date(2026, 3, 31))
    assert march.end == datetime(2026, 4, 1, tzinfo=UTC)
    assert between("2026-03-01", "2026-03-31 00:00").end == datetime(
        2026, 3, 31, tzinfo=UTC
    )
    assert between(None, "2026-03-31").start is None


def test_naive_times_are_civil():
    assert instant("2024-11-03 01:30", NY) == datetime(2024, 11, 3, 5, 30, tzinfo=UTC)
    assert instant("2024-03-10 02:30", NY) == datetime(2024, 3, 10, 7, 0, tzinfo=UTC)
    assert instant("2024-03-10T02:30+01:00", NY) == datetime(
        2024, 3, 10, 1, 30, tzinfo=UTC
    )
    skipped = (
        pl.DataFrame({"t": [datetime.fromisoformat("2011-12-30T05:00")]})
        .select(localize(pl.col("t"), "Pacific/Apia"))
        .item()
    )
    assert skipped.astimezone(UTC) == datetime(2011, 12, 30, 10, tzinfo=UTC)


def test_mistakes_are_named():
    with pytest.raises(BadTime, match="before it starts"):
        between("2024-02-01", "2024-01-01")
    with pytest.raises(BadTime, match="Europe/Paris"):
        check_zone("Europe/Pari")
    with pytest.raises(BadTime, match="not a date"):
        instant("yesterday")
    with pytest.raises(UnknownOption, match="monday"):
        bucket(pl.col("t"), "1w", week_start="someday")
    with pytest.raises(UnknownOption, match="month"):
        bucket(pl.col("t"), "1q", quarter_start=13)
    with pytest.raises(BadTime, match="offset"):
        last("7d", moment("2024-03-14T00:00:00Z"), offset="1d", exclude_incomplete=True)
    with pytest.raises(BadDuration, match="another unit"):
        last("2w", moment("2024-03-14T00:00:00Z"), offset="1d")
    with pytest.raises(BadTime, match="seven"):
        Span(
            without=(
                "monday",
                "tuesday",
                "wednesday",
                "thursday",
                "friday",
                "saturday",
                "sunday",
            )
        )


def test_a_span_holds_its_start_and_not_its_end():
    span = Span(
        datetime(2024, 1, 1, tzinfo=UTC),
        datetime(2024, 1, 8, tzinfo=UTC),
        without=("sunday",),
    )
    times = pl.DataFrame(
        {"t": [span.start, datetime(2024, 1, 7, 5, tzinfo=UTC), span.end]}
    )
    assert times.select(span.holds(pl.col("t"))).to_series().to_list() == [
        True,
        False,
        False,
    ]
