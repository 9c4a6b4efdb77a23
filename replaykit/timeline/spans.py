"""Spans: half-open ranges of time, and the words that name them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import polars as pl

from replaykit.errors import BadDuration, BadTime, check_option
from replaykit.timeline.intervals import WEEKDAYS, Weekday, bucket, split_interval
from replaykit.timeline.zones import (
    check_zone,
    first_instant,
    instant,
    is_bare_date,
    zone_of,
)

_DAY: Final = timedelta(days=1)


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
                f"{at.astimezone(zone_of(self.tz)):%Y-%m-%d %H:%M}"
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
    count, unit = split_interval(text)
    if offset is not None and exclude_incomplete:
        message = (
            "offset= cannot be combined with exclude_incomplete=True: a moved list of "
            "units holds no running unit. Give one of the two."
        )
        raise BadTime(message)
    moment = instant(now, tz)
    back = 0
    if offset is not None:
        back, offset_unit = split_interval(offset)
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
        return first_instant(moved, tz)

    start = units_back(count + back)
    if back:
        return Span(start, units_back(back - 1), tz, moment, without)
    end = units_back(0) if exclude_incomplete else moment
    return Span(start, end, tz, moment, without)
