"""How often users come by: the median gap between the days they do something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from replaykit.analyses.grid import Calendar, Grid, make_grid
from replaykit.analyses.point_users import MOST_ROWS
from replaykit.analyses.segments import EVERYONE, Segment, SegmentLike, as_segment
from replaykit.engine import Frames, Pieces
from replaykit.errors import UnknownPoint
from replaykit.query import Step, as_step

if TYPE_CHECKING:
    from replaykit.timeline import Interval, Span, Weekday


@dataclass(frozen=True, eq=False)
class UsageAnswer:
    """What a usage interval found.

    Attributes
    ----------
    table
        `units` Int64, `users` Int64 (kept users whose median gap is at most so many
        units) and `value` Float64 (their percent of the kept users).
    users
        One line per kept user: `user`, `units` Int64 (distinct intervals with the
        event), `gaps` List(Int64) and `median` Float64.
    """

    table: pl.DataFrame
    users: pl.DataFrame
    log: Pieces
    step: Step
    segment: Segment
    grid: Grid

    def over_time(self, within: int) -> pl.DataFrame:
        """Return who comes back soon, per interval.

        `time`, `users` (with the event in the interval), `returned` (whose next
        interval with the event is at most `within` later) and `value` (percent).
        """
        days = _intervals(self.log, self.step, self.segment, self.grid)
        follows = (pl.col("user") == pl.col("user").shift(-1)) & (
            pl.col("i").shift(-1) - pl.col("i") <= within
        )
        counted = days.with_columns(soon=follows.fill_null(value=False))
        found = counted.group_by("i").agg(users=pl.len(), returned=pl.col("soon").sum())
        labels = self.grid.labels().select("i", "time")
        users, returned = pl.col("users").fill_null(0), pl.col("returned").fill_null(0)
        return labels.join(found, on="i", how="left", maintain_order="left").select(
            "time",
            users.cast(pl.Int64).alias("users"),
            returned.cast(pl.Int64).alias("returned"),
            pl.when(users > 0).then(100 * returned / users).alias("value"),
        )

    def population(self, units: int) -> pl.DataFrame:
        """Name the users whose median gap is at most so many units.

        One line per user: `user`; `start` and `end` of the range; `at`, the first row;
        `rows`, the rows of the event (the first 200).
        """
        if units < 0:
            raise UnknownPoint(f"A gap has no {units} units.")
        mine = self.users.filter(pl.col("median") <= units)["user"].implode()
        start, end = self.grid.whole().at(0)
        rows = _rows(self.log.opened.whole, self.step, self.segment, self.grid)
        rows = rows.filter(pl.col("user").is_in(mine)).sort("user", "time", "row")
        dtype = pl.Datetime("us", "UTC")
        return (
            rows.group_by("user", maintain_order=True)
            .agg(
                start=pl.lit(start, dtype=dtype),
                end=pl.lit(end, dtype=dtype),
                at=pl.col("time").first(),
                rows=pl.col("row").head(MOST_ROWS),
            )
            .collect()
        )


def usage(
    frame: Frames,
    back: Step | str,
    *,
    every: Interval = "1d",
    span: Span | None = None,
    tz: str | None = None,
    segment: SegmentLike | None = None,
    week_start: Weekday = "monday",
    quarter_start: int = 1,
) -> UsageAnswer:
    """Count users by the median gap between the days on which they did something.

    Only users with the event in at least two distinct intervals have gaps; the others
    are left out.

    Parameters
    ----------
    frame
        Canonical events, in any order.
    back
        The event.
    every, span, tz
        The interval (days by default), the range and the zone.
    segment
        Conditions on the rows.
    week_start, quarter_start
        The project's calendar.

    Examples
    --------
    >>> from datetime import datetime
    >>> frame = pl.DataFrame(
    ...     {
    ...         "user": [1, 1, 1],
    ...         "time": [datetime(2026, 3, day) for day in (1, 2, 5)],
    ...         "event": ["Play", "Play", "Play"],
    ...     }
    ... )
    >>> usage(frame, "Play").users["median"].to_list()
    [2.0]
    """
    log = Pieces.of(frame)
    step = as_step(back)
    one = EVERYONE if segment is None else as_segment(segment)
    calendar = Calendar(
        tz or (span.tz if span is not None else "UTC"), week_start, quarter_start
    )
    grid = make_grid(log, every=every, span=span, calendar=calendar)
    days = _intervals(log, step, one, grid)
    gaps = pl.col("i").diff().drop_nulls().cast(pl.Int64)
    users = (
        days.group_by("user", maintain_order=True)
        .agg(units=pl.len().cast(pl.Int64), gaps=gaps, median=gaps.median())
        .filter(pl.col("units") > 1)
    )
    longest = users.select(pl.col("gaps").list.max().max()).item() or 0
    medians = users["median"].sort()
    units = pl.Series("units", range(1, longest + 1), dtype=pl.Int64)
    reached = medians.search_sorted(units.cast(pl.Float64), side="right")
    table = pl.DataFrame({"units": units, "users": reached.cast(pl.Int64)})
    share = 100 * pl.col("users") / max(1, users.height)
    return UsageAnswer(table.with_columns(value=share), users, log, step, one, grid)


def _rows(
    frame: pl.LazyFrame, step: Step, segment: Segment, grid: Grid
) -> pl.LazyFrame:
    return frame.filter(
        grid.holds(pl.col("time")), step.predicate(), *segment.where
    ).select("user", "time", "row")


def _intervals(log: Pieces, step: Step, segment: Segment, grid: Grid) -> pl.DataFrame:
    at = grid.index(pl.col("time")).alias("i")
    days = log.collect(
        lambda lf: _rows(lf, step, segment, grid).select("user", at).unique()
    )
    return days.sort("user", "i")
