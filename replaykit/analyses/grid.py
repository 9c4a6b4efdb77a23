"""The intervals of a chart: which one a time falls into, and which still run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.timeline import (
    WEEKDAYS,
    Interval,
    Span,
    Weekday,
    bucket,
    buckets,
    check_interval,
    next_bucket,
)

if TYPE_CHECKING:
    from replaykit.engine import Pieces

UTC_TIME: Final = pl.Datetime("us", "UTC")

#: More runs of equal intervals than this are searched instead of divided.
_MOST_RUNS: Final = 12


@dataclass(frozen=True, slots=True)
class Calendar:
    """A zone and the project's settings of weeks and quarters."""

    tz: str = "UTC"
    week_start: Weekday = "monday"
    quarter_start: int = 1

    def start_of(self, time: pl.Expr, every: Interval) -> pl.Expr:
        """Return the start of the interval that holds a time, in UTC."""
        return bucket(
            time,
            every,
            self.tz,
            week_start=self.week_start,
            quarter_start=self.quarter_start,
        ).dt.convert_time_zone("UTC")

    def end_of(self, time: pl.Expr, every: Interval) -> pl.Expr:
        """Return the end of the interval that holds a time, in UTC."""
        return next_bucket(
            time,
            every,
            self.tz,
            week_start=self.week_start,
            quarter_start=self.quarter_start,
        ).dt.convert_time_zone("UTC")

    def starts(self, start: datetime, end: datetime, every: Interval) -> pl.Series:
        """Return the starts of all intervals that meet `[start, end)`, in UTC."""
        return buckets(
            start,
            end,
            every,
            self.tz,
            week_start=self.week_start,
            quarter_start=self.quarter_start,
        ).dt.convert_time_zone("UTC")

    def starts_before(
        self, first: datetime, every: Interval, count: int
    ) -> list[datetime]:
        """Return the starts of the `count` intervals before the one at `first`."""
        found: list[datetime] = []
        at = first
        for _ in range(count):
            moment = pl.lit(at - timedelta(microseconds=1), dtype=UTC_TIME)
            at = pl.select(self.start_of(moment, every)).item()
            found.append(at)
        return found[::-1]


@dataclass(frozen=True, eq=False)
class Grid:
    """The intervals of a chart, in order, with those before the range if it looks back.

    `starts` and `ends` are UTC; `shown` is false for intervals that only feed a
    window and for weekdays that are left out. An interval at the edge keeps its civil
    bounds; `span` says which of its rows count.
    """

    starts: pl.Series
    ends: pl.Series
    shown: pl.Series
    incomplete: pl.Series
    span: Span
    every: Interval | None
    lookback: int = 0

    @property
    def since(self) -> datetime:
        """The first moment that matters, look-back included."""
        first: datetime = self.starts[0]
        start = self.span.start
        return first if self.lookback or start is None else start

    def holds(self, time: pl.Expr) -> pl.Expr:
        """Return the condition that a row takes part."""
        span = self.span
        wide = Span(self.since, span.end, span.tz, span.now, span.without)
        return wide.holds(time)

    def covers(self, edges: tuple[datetime, datetime] | None) -> bool:
        """Return whether all rows between a first and a last time take part."""
        end = self.span.end
        if edges is None or end is None or self.span.without:
            return False
        return self.since <= edges[0] and edges[1] < end

    def index(self, time: pl.Expr) -> pl.Expr:
        """Return the position of the interval that holds a time, as Int32.

        Only for times inside the grid. Runs of equally long intervals are divided,
        which is ten times faster than a search; months are searched.
        """
        if self.every is None or len(self.starts) == 1:
            return pl.lit(0, dtype=pl.Int32)
        starts = self.starts.to_physical().to_list()
        ends = self.ends.to_physical().to_list()
        us = time.to_physical()
        runs: list[tuple[int, int, int]] = []
        for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
            if not runs or runs[-1][2] != end - start:
                runs.append((i, start, end - start))
        if len(runs) > _MOST_RUNS:
            found = pl.lit(pl.Series(starts)).search_sorted(us, side="right")
            return found.cast(pl.Int32) - 1
        first, start, length = runs[0]
        index = first + (us - start) // length
        for first, start, length in runs[1:]:
            later = first + (us - start) // length
            index = pl.when(us >= start).then(later).otherwise(index)
        return index.cast(pl.Int32)

    def labels(self) -> pl.DataFrame:
        """Return `i`, `time` (in the zone) and `incomplete` of the shown intervals."""
        frame = pl.DataFrame(
            {
                "i": pl.Series(range(len(self.starts)), dtype=pl.Int32),
                "time": self.starts.dt.convert_time_zone(self.span.tz),
                "incomplete": self.incomplete,
            }
        )
        return frame.filter(self.shown)

    def whole(self) -> Grid:
        """Return the grid whose only interval is the range."""
        shown = self.starts.filter(self.shown)
        start = self.span.start or (shown[0] if len(shown) else self.starts[0])
        end = self.span.end or self.ends[-1]
        return Grid(
            pl.Series("start", [start], dtype=UTC_TIME),
            pl.Series("end", [end], dtype=UTC_TIME),
            pl.Series("shown", [True]),
            pl.Series("incomplete", [False]),
            Span(start, end, self.span.tz, self.span.now, self.span.without),
            None,
        )

    def at(self, i: int) -> tuple[datetime, datetime]:
        """Return the part of an interval that lies inside the range, in UTC."""
        start: datetime = self.starts[i]
        end: datetime = self.ends[i]
        if self.span.start is not None:
            start = max(start, self.span.start)
        if self.span.end is not None:
            end = min(end, self.span.end)
        return start, end


def make_grid(
    log: Pieces,
    *,
    every: Interval,
    span: Span | None = None,
    calendar: Calendar | None = None,
    lookback: int = 0,
) -> Grid:
    """Return the intervals of a range, open sides closed by the frame's own times.

    Parameters
    ----------
    log
        Canonical events; read only where the span is open and their edges are unknown.
    every
        The length of an interval.
    span
        The range; None means all of the frame.
    calendar
        The zone and its weeks; by default the span's zone.
    lookback
        Intervals before the range that feed a window.
    """
    check_interval(every)
    span = span or Span(tz=calendar.tz if calendar else "UTC")
    calendar = calendar or Calendar(span.tz)
    closed = _closed(log, span, calendar.tz)
    if closed is None or closed.start is None or closed.end is None:
        return _empty_grid(span, calendar.tz, every)
    inside = calendar.starts(closed.start, closed.end, every)
    before = calendar.starts_before(inside[0], every, lookback)
    starts = pl.concat([pl.Series("start", before, dtype=UTC_TIME), inside])
    ends = (
        starts.to_frame("time")
        .select(calendar.end_of(pl.col("time"), every).alias("end"))
        .to_series()
    )
    shown = pl.Series("shown", [False] * len(before) + [True] * len(inside))
    if closed.without and every[-1] in "mhd":
        out = [WEEKDAYS.index(day) + 1 for day in closed.without]
        shown &= ~starts.dt.convert_time_zone(calendar.tz).dt.weekday().is_in(out)
    if closed.now is None:
        running = pl.Series("incomplete", [False] * len(ends))
    else:
        running = (ends > closed.now).alias("incomplete")
    return Grid(starts, ends, shown, running, closed, every, lookback)


def _closed(log: Pieces, span: Span, zone: str) -> Span | None:
    start, end = span.start, span.end
    if start is None or end is None:
        edges = log.first_and_last
        if edges is None:
            return None
        first, last = edges
        start = first if start is None else start
        end = last + timedelta(microseconds=1) if end is None else end
        if end <= start:
            return None
    return Span(start, end, zone, span.now, span.without)


def _empty_grid(span: Span, zone: str, every: Interval) -> Grid:
    never = span.start or span.end or datetime(1970, 1, 1, tzinfo=UTC)
    nothing = Span(never, never + timedelta(microseconds=1), zone)
    no = pl.Series("shown", [False])
    start = pl.Series("start", [never], dtype=UTC_TIME)
    end = pl.Series("end", [nothing.end], dtype=UTC_TIME)
    return Grid(start, end, no, no.alias("incomplete"), nothing, every)
