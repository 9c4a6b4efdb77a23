"""Intervals: civil time in a zone, such as `"1d"` and `"1mo"`, and their grid."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal

import polars as pl

from replaykit.errors import BadDuration, UnknownOption, check_option
from replaykit.timeline.durations import UNITS_US
from replaykit.timeline.zones import (
    check_zone,
    instant,
    localize,
)

Interval = str
"""A calendar interval: a whole number and `m`, `h`, `d`, `w`, `mo`, `q` or `y`."""

Weekday = Literal[
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
]
"""The day a week starts on, or a day that is left out."""

WEEKDAYS: Final[tuple[Weekday, ...]] = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)

_INTERVAL: Final = re.compile(r"(\d+)(mo|[mhdwqy])")
_MOST: Final = 1_000_000


def check_interval(text: str) -> Interval:
    """Return `text` if it is a calendar interval, else raise `BadDuration`.

    Minutes and hours must divide the day evenly (`"15m"`, `"6h"`), so that every day
    has the same civil grid.

    Examples
    --------
    >>> check_interval("15m")
    '15m'
    """
    split_interval(text)
    return text


@lru_cache(maxsize=256)
def split_interval(text: str) -> tuple[int, str]:
    """Return the number and the unit of a calendar interval."""
    match = _INTERVAL.fullmatch(text) if isinstance(text, str) else None
    if match is None or int(match[1]) == 0:
        message = (
            f"{text!r} is not an interval. Write '5m', '1h', '1d', '1w', '1mo', '1q', "
            "'1y' or a multiple such as '15m'."
        )
        raise BadDuration(message)
    count, unit = int(match[1]), match[2]
    if unit in "mh" and UNITS_US["d"] % (count * UNITS_US[unit]):
        message = (
            f"{text!r} does not divide a day, so its intervals would start at another "
            "time every day. Use 1, 5, 10, 15, 20 or 30 m, or 1, 2, 3, 4, 6, 8 or 12 h."
        )
        raise BadDuration(message)
    if count > 1200:
        message = f"{text!r} is too long for an interval."
        raise BadDuration(message)
    return count, unit


def _truncate(
    civil: pl.Expr, every: str, week_start: Weekday, quarter_start: int
) -> pl.Expr:
    _, unit = split_interval(every)
    if unit == "w" and week_start != "monday":
        shift = pl.duration(days=WEEKDAYS.index(week_start))
        return (civil - shift).dt.truncate(every) + shift
    if unit == "q" and (quarter_start - 1) % 3:
        months = (quarter_start - 1) % 3
        month = civil.dt.truncate("1mo")
        start = month.dt.offset_by(f"-{months}mo").dt.truncate(every)
        return start.dt.offset_by(f"{months}mo")
    return civil.dt.truncate(every)


def _is_short(every: str) -> bool:
    """Return whether an interval is at most one hour, so that it may occur twice."""
    count, unit = split_interval(every)
    return (unit == "m" and count <= 60) or (count, unit) == (1, "h")


def check_calendar(tz: str, week_start: str, quarter_start: int) -> None:
    """Raise unless these are a time zone, a weekday and a month.

    Examples
    --------
    >>> check_calendar("Europe/Paris", "sunday", 2)
    """
    check_zone(tz)
    check_option("week_start", week_start, WEEKDAYS)
    if quarter_start not in range(1, 13):
        message = f"quarter_start={quarter_start!r} is not a month; give 1 to 12."
        raise UnknownOption(message)


def bucket(
    expr: pl.Expr,
    every: Interval,
    tz: str = "UTC",
    *,
    week_start: Weekday = "monday",
    quarter_start: int = 1,
) -> pl.Expr:
    """Return the start of the civil interval that holds each time.

    Intervals are half-open and civil in `tz`: the day the clocks change has 23 or 25
    hours, and an hour that the clocks repeat is two intervals. The dtype is
    `Datetime("us", tz)`.

    Parameters
    ----------
    expr
        Times of dtype `Datetime("us", "UTC")`.
    every
        A calendar interval such as `"1d"` or `"1mo"`.
    tz
        The zone whose calendar is used.
    week_start
        The day a week starts on.
    quarter_start
        The month (1 to 12) in which a quarter starts.

    Examples
    --------
    >>> at = pl.Series([datetime(2024, 3, 10, 4, 59)]).dt.replace_time_zone("UTC")
    >>> frame = pl.DataFrame({"time": at})
    >>> frame.select(bucket(pl.col("time"), "1d", "America/New_York")).item().day
    9
    """
    check_interval(every)
    check_calendar(tz, week_start, quarter_start)
    time = expr.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    if tz == "UTC":
        return _truncate(time, every, week_start, quarter_start)
    civil = time.dt.convert_time_zone(tz).dt.replace_time_zone(None)
    start = _truncate(civil, every, week_start, quarter_start)
    read = localize(start, tz)
    if not _is_short(every):
        return read
    # The same civil hour may occur twice: keep the occurrence that holds the time.
    same = (time - (civil - start)).dt.convert_time_zone(tz)
    holds = same.dt.replace_time_zone(None) == start
    return pl.when(holds).then(same).otherwise(read)


def next_bucket(
    expr: pl.Expr,
    every: Interval,
    tz: str = "UTC",
    *,
    week_start: Weekday = "monday",
    quarter_start: int = 1,
) -> pl.Expr:
    """Return the start of the interval after the one that holds each time.

    Examples
    --------
    >>> at = pl.Series([datetime(2024, 3, 10, 4, 59)]).dt.replace_time_zone("UTC")
    >>> frame = pl.DataFrame({"time": at})
    >>> frame.select(next_bucket(pl.col("time"), "1mo")).item().month
    4
    """
    check_interval(every)
    check_calendar(tz, week_start, quarter_start)

    def start_of(time: pl.Expr) -> pl.Expr:
        return bucket(
            time, every, tz, week_start=week_start, quarter_start=quarter_start
        )

    if tz == "UTC" or not _is_short(every):
        civil = expr.dt.convert_time_zone(tz).dt.replace_time_zone(None)
        label = _truncate(civil, every, week_start, quarter_start)
        return localize(label.dt.offset_by(every), tz)
    start = start_of(expr)
    # A step of elapsed time from the start lands in the next interval, except where
    # the clocks went back inside this one.
    step = pl.duration(microseconds=UNITS_US["m"] * _minutes(every))
    one = start_of(start + step)
    return pl.when(one > start).then(one).otherwise(start_of(start + step + step))


def _minutes(every: str) -> int:
    count, unit = split_interval(every)
    return count * (60 if unit == "h" else 1)


def buckets(
    start: datetime,
    end: datetime,
    every: Interval,
    tz: str = "UTC",
    *,
    week_start: Weekday = "monday",
    quarter_start: int = 1,
) -> pl.Series:
    """Return the start of every interval that meets `[start, end)`.

    The first interval may start before `start`. Naive times are read in `tz`.

    Examples
    --------
    >>> buckets(datetime(2026, 3, 1), datetime(2026, 3, 3), "1d").dt.day().to_list()
    [1, 2]
    """
    check_interval(every)
    check_calendar(tz, week_start, quarter_start)
    first, last = instant(start, tz), instant(end, tz)
    if last <= first:
        return pl.Series("time", [], dtype=pl.Datetime("us", tz))
    _, unit = split_interval(every)
    if unit in "mh" and (last - first) // timedelta(minutes=_minutes(every)) > _MOST:
        message = (
            f"{every!r} cuts {first:%Y-%m-%d} to {last:%Y-%m-%d} into more than "
            f"{_MOST:,} intervals. Use a longer interval or a shorter range."
        )
        raise BadDuration(message)

    def start_of(time: pl.Expr) -> pl.Expr:
        return bucket(
            time, every, tz, week_start=week_start, quarter_start=quarter_start
        )

    ends = pl.DataFrame(
        {"time": [first, last - timedelta(microseconds=1)]},
        schema={"time": pl.Datetime("us", "UTC")},
    )
    low, high = ends.select(start_of(pl.col("time"))).to_series().to_list()
    utc = pl.Datetime("us", "UTC")
    if _is_short(every):
        step = timedelta(minutes=_minutes(every))
        # Half-hour clock changes put later steps between starts: go one step further.
        grid = pl.datetime_range(
            low.astimezone(UTC), high.astimezone(UTC) + step, step, eager=True
        ).cast(utc)
        starts = grid.to_frame("time").select(start_of(pl.col("time"))).to_series()
        starts = starts.filter(starts <= high)
    else:
        # The civil label of the first interval, also where its midnight was jumped.
        civil = pl.Series("time", [first], dtype=utc).dt.convert_time_zone(tz)
        label = civil.to_frame().select(
            _truncate(
                pl.col("time").dt.replace_time_zone(None),
                every,
                week_start,
                quarter_start,
            )
        )
        grid = pl.datetime_range(
            label.item(), high.replace(tzinfo=None), every, eager=True
        )
        starts = grid.to_frame("time").select(localize(pl.col("time"), tz)).to_series()
    return starts.unique().sort().alias("time")
