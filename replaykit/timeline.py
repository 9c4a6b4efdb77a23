"""Durations, civil intervals, date ranges and time zones, all in one place.

Two ideas of length live here and never mix. A *duration* (`"30m"`, `"7d"`) is elapsed
time: a day is 24 hours. An *interval* (`"1d"`, `"1mo"`) is civil time in a zone: a day
runs from midnight to midnight and has 23 or 25 hours when the clocks change.
"""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal

import polars as pl

from replaykit.errors import (
    BadDuration,
    BadTime,
    UnknownOption,
    check_option,
    did_you_mean,
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

_US: Final = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}
_DURATION: Final = re.compile(r"(?:\d+(?:us|ms|[smhdw]))+")
_DURATION_PART: Final = re.compile(r"(\d+)(us|ms|[smhdw])")
_INTERVAL: Final = re.compile(r"(\d+)(mo|[mhdwqy])")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_LONGEST: Final = 200 * 366 * _US["d"]
_DAY: Final = timedelta(days=1)
_MOST: Final = 1_000_000


def microseconds(text: str | timedelta) -> int:
    """Return the length of an elapsed duration in microseconds.

    A day is 24 hours and a week is 7 days, whatever the clocks do. Months have no fixed
    length and bare numbers have no unit, so both are refused, as is zero.

    Examples
    --------
    >>> microseconds("30m")
    1800000000
    >>> microseconds("1d12h") == microseconds("36h")
    True
    """
    if isinstance(text, timedelta):
        total = text // timedelta(microseconds=1)
    elif isinstance(text, str) and _DURATION.fullmatch(text):
        total = sum(int(n) * _US[unit] for n, unit in _DURATION_PART.findall(text))
    else:
        message = (
            f"{text!r} is not a duration. Write a number with a unit, such as '30m', "
            "'7d' or '1d12h'; units are us, ms, s, m, h, d (24 hours) and w (7 days)."
        )
        raise BadDuration(message)
    if total <= 0:
        message = f"{text!r} is no time at all; a duration must be longer than zero."
        raise BadDuration(message)
    if total > _LONGEST:
        message = f"{text!r} is longer than 200 years; such a window has no use."
        raise BadDuration(message)
    return total


def check_interval(text: str) -> Interval:
    """Return `text` if it is a calendar interval, else raise `BadDuration`.

    Minutes and hours must divide the day evenly (`"15m"`, `"6h"`), so that every day
    has the same civil grid.

    Examples
    --------
    >>> check_interval("15m")
    '15m'
    """
    _split_interval(text)
    return text


@lru_cache(maxsize=256)
def _split_interval(text: str) -> tuple[int, str]:
    match = _INTERVAL.fullmatch(text) if isinstance(text, str) else None
    if match is None or int(match[1]) == 0:
        message = (
            f"{text!r} is not an interval. Write '5m', '1h', '1d', '1w', '1mo', '1q', "
            "'1y' or a multiple such as '15m'."
        )
        raise BadDuration(message)
    count, unit = int(match[1]), match[2]
    if unit in "mh" and _US["d"] % (count * _US[unit]):
        message = (
            f"{text!r} does not divide a day, so its intervals would start at another "
            "time every day. Use 1, 5, 10, 15, 20 or 30 m, or 1, 2, 3, 4, 6, 8 or 12 h."
        )
        raise BadDuration(message)
    if count > 1200:
        message = f"{text!r} is too long for an interval."
        raise BadDuration(message)
    return count, unit


def check_zone(tz: str) -> str:
    """Return `tz` if it names a time zone, else raise `BadTime` with the nearest one.

    Examples
    --------
    >>> check_zone("Europe/Paris")
    'Europe/Paris'
    """
    _zone(tz)
    return tz


@lru_cache(maxsize=256)
def _zone(tz: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(tz)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        hint = did_you_mean(str(tz), zoneinfo.available_timezones())
        message = (
            f"{tz!r} is not a time zone. {hint} "
            "Zones are IANA names such as 'UTC' or 'Europe/Paris'."
        ).replace("  ", " ")
        raise BadTime(message) from None


def _first_instant(civil: datetime, tz: str) -> datetime:
    """Return the first instant of the zone whose civil time is `civil` or later."""
    zone = _zone(tz)
    local = civil.replace(tzinfo=zone, fold=0)
    at = local.astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == civil:
        return at
    # `civil` was jumped over: find the jump between the two readings of it. Offsets
    # change on whole seconds.
    low = min(at, local.replace(fold=1).astimezone(UTC)) - timedelta(seconds=1)
    high = max(at, local.replace(fold=1).astimezone(UTC)) + timedelta(seconds=1)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        if middle.astimezone(zone).replace(tzinfo=None) >= civil:
            high = middle
        else:
            low = middle
    return high


def localize(expr: pl.Expr, tz: str) -> pl.Expr:
    """Read civil (naive) times in a zone: the earlier of two, forward over a gap.

    A time that the clocks jump over becomes the first instant after the jump.

    Examples
    --------
    >>> frame = pl.DataFrame({"at": [datetime(2024, 3, 10, 2, 30)]})
    >>> frame.select(localize(pl.col("at"), "America/New_York")).item().hour
    3
    """
    check_zone(tz)
    if tz == "UTC":
        return expr.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")

    def read(civil: pl.Series) -> pl.Series:
        read = civil.dt.replace_time_zone(tz, ambiguous="earliest", non_existent="null")
        if read.null_count() == civil.null_count():
            return read
        jumped = civil.filter(read.is_null() & civil.is_not_null()).unique()
        instants = [_first_instant(at, tz) for at in jumped.to_list()]
        fixed = civil.replace_strict(
            jumped,
            pl.Series(instants, dtype=pl.Datetime("us", "UTC")),
            default=None,
            return_dtype=pl.Datetime("us", "UTC"),
        )
        return read.fill_null(fixed.dt.convert_time_zone(tz))

    return expr.cast(pl.Datetime("us")).map_batches(
        read, return_dtype=pl.Datetime("us", tz), is_elementwise=True
    )


def _truncate(
    civil: pl.Expr, every: str, week_start: Weekday, quarter_start: int
) -> pl.Expr:
    _, unit = _split_interval(every)
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
    count, unit = _split_interval(every)
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
    step = pl.duration(microseconds=_US["m"] * _minutes(every))
    one = start_of(start + step)
    return pl.when(one > start).then(one).otherwise(start_of(start + step + step))


def _minutes(every: str) -> int:
    count, unit = _split_interval(every)
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
    _, unit = _split_interval(every)
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


def instant(text: str | date | datetime, tz: str = "UTC") -> datetime:
    """Return a moment as a UTC datetime; a naive time or a bare date is read in `tz`.

    Of a repeated civil time the earlier is taken; a skipped one moves forward.

    Examples
    --------
    >>> instant("2026-03-01", "Europe/Paris").isoformat()
    '2026-02-28T23:00:00+00:00'
    """
    check_zone(tz)
    at: date | datetime
    if isinstance(text, str):
        try:
            at = datetime.fromisoformat(text.strip())
        except ValueError:
            message = (
                f"{text!r} is not a date or time. Write '2026-03-01' or "
                "'2026-03-01 14:30', with an offset if it is not in the project's zone."
            )
            raise BadTime(message) from None
    else:
        at = text
    if isinstance(at, datetime):
        return at.astimezone(UTC) if at.tzinfo else _first_instant(at, tz)
    if isinstance(at, date):
        return _first_instant(datetime(at.year, at.month, at.day), tz)  # noqa: DTZ001
    message = f"{text!r} is not a date or time; give a string, date or datetime."
    raise BadTime(message)


def is_bare_date(text: object) -> bool:
    """Return whether a bound names a whole day rather than a moment of it.

    Examples
    --------
    >>> is_bare_date("2026-03-31"), is_bare_date("2026-03-31 12:00")
    (True, False)
    """
    if isinstance(text, str):
        return _DATE.fullmatch(text.strip()) is not None
    return isinstance(text, date) and not isinstance(text, datetime)


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of time `[start, end)` and the zone it was said in.

    A bound that is None is open. `now`, where known, tells which interval is still
    running. Rows on the weekdays in `without` are left out.
    """

    start: datetime | None = None
    end: datetime | None = None
    tz: str = "UTC"
    now: datetime | None = None
    without: tuple[Weekday, ...] = ()

    def __post_init__(self) -> None:
        """Check the zone, the weekdays and the order of the bounds."""
        check_zone(self.tz)
        for day in self.without:
            check_option("without", day, WEEKDAYS)
        if len(set(self.without)) == len(WEEKDAYS):
            message = "without= names all seven days, so that nothing is left."
            raise BadTime(message)
        for name in ("start", "end", "now"):
            at = getattr(self, name)
            if at is not None:
                object.__setattr__(self, name, instant(at, self.tz))
        if self.start is not None and self.end is not None and self.end <= self.start:
            first, end = (
                f"{at.astimezone(_zone(self.tz)):%Y-%m-%d %H:%M}"
                for at in (self.start, self.end)
            )
            message = (
                f"The range ends ({end}) before it starts ({first}, {self.tz}). Swap "
                "the bounds; a datetime as an end is exclusive, a bare date includes "
                "its day."
            )
            raise BadTime(message)

    def holds(self, time: pl.Expr) -> pl.Expr:
        """Return the condition that a UTC time lies in the range.

        Examples
        --------
        >>> day = between("2026-03-01", "2026-03-01")
        >>> frame = pl.DataFrame({"time": [day.start, day.end]})
        >>> frame.select(day.holds(pl.col("time"))).to_series().to_list()
        [True, False]
        """
        conditions = []
        if self.start is not None:
            conditions.append(time >= self.start)
        if self.end is not None:
            conditions.append(time < self.end)
        if self.without:
            days = [WEEKDAYS.index(day) + 1 for day in self.without]
            local = time.dt.convert_time_zone(self.tz)
            conditions.append(~local.dt.weekday().is_in(days))
        return pl.all_horizontal(conditions) if conditions else pl.lit(value=True)


def between(
    start: str | date | datetime | None,
    end: str | date | datetime | None,
    tz: str = "UTC",
) -> Span:
    """Return the range from `start` to `end`, read in `tz`.

    A bare date as an end includes its day; a time as an end is exclusive. None leaves
    the side open.

    Examples
    --------
    >>> between("2026-03-01", "2026-03-31").end.isoformat()
    '2026-04-01T00:00:00+00:00'
    """
    first = None if start is None else instant(start, tz)
    if end is None:
        return Span(first, None, tz)
    if not is_bare_date(end):
        return Span(first, instant(end, tz), tz)
    day = date.fromisoformat(end.strip()) if isinstance(end, str) else end
    return Span(first, instant(date(day.year, day.month, day.day) + _DAY, tz), tz)


def since(
    start: str | date | datetime,
    now: datetime,
    tz: str = "UTC",
    *,
    without: tuple[Weekday, ...] = (),
) -> Span:
    """Return the range from `start` up to `now`.

    Examples
    --------
    >>> since("2026-03-01", datetime(2026, 3, 14, 15, 20)).end.isoformat()
    '2026-03-14T15:20:00+00:00'
    """
    moment = instant(now, tz)
    return Span(instant(start, tz), moment, tz, moment, without)


def last(
    text: str,
    now: datetime,
    tz: str = "UTC",
    *,
    offset: str | None = None,
    exclude_incomplete: bool = False,
    without: tuple[Weekday, ...] = (),
    week_start: Weekday = "monday",
    quarter_start: int = 1,
) -> Span:
    """Return the last n civil units before the running one, and the running one.

    Parameters
    ----------
    text
        `"7d"`: the seven complete days before today, and today up to `now`.
    now
        The moment to count from.
    tz
        The zone whose calendar is used.
    offset
        `"1d"`: move the same list of units one unit back. Same unit as `text`.
    exclude_incomplete
        Drop the running unit. Cannot be combined with `offset`.
    without
        Weekdays whose rows are left out.
    week_start
        The day a week starts on.
    quarter_start
        The month in which a quarter starts.

    Examples
    --------
    >>> last("7d", datetime(2024, 3, 14, 15, 20)).start.isoformat()
    '2024-03-07T00:00:00+00:00'
    """
    count, unit = _split_interval(text)
    if offset is not None and exclude_incomplete:
        message = (
            "offset= cannot be combined with exclude_incomplete=True: a moved list of "
            "units holds no running unit. Give one of the two."
        )
        raise BadTime(message)
    moment = instant(now, tz)
    back = 0
    if offset is not None:
        back, offset_unit = _split_interval(offset)
        if offset_unit != unit:
            message = (
                f"offset={offset!r} moves a list of {text!r} by another unit. Write it "
                f"in {unit!r}, such as '1{unit}'."
            )
            raise BadDuration(message)
    running = pl.select(
        bucket(
            pl.lit(moment, dtype=pl.Datetime("us", "UTC")),
            f"1{unit}",
            tz,
            week_start=week_start,
            quarter_start=quarter_start,
        ).dt.replace_time_zone(None)
    ).item()

    def units_back(units: int) -> datetime:
        moved = pl.select(pl.lit(running).dt.offset_by(f"-{units}{unit}")).item()
        return _first_instant(moved, tz)

    start = units_back(count + back)
    if back:
        return Span(start, units_back(back - 1), tz, moment, without)
    end = units_back(0) if exclude_incomplete else moment
    return Span(start, end, tz, moment, without)
