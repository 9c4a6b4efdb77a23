"""One person in a few small figures: how much, how often, how long, and what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from replaykit import timeline

if TYPE_CHECKING:
    from datetime import datetime

    from replaykit.source import Source

#: At most so many bars are drawn beside each other; a longer life has wider ones.
MOST_BARS: Final = 92
#: So many event names are listed.
MOST_NAMES: Final = 12

_WIDTHS: Final[tuple[timeline.Interval, ...]] = ("1d", "1w", "1mo", "1q", "1y")


def over_time(
    rows: pl.DataFrame, source: Source, every: timeline.Interval
) -> pl.DataFrame:
    """Count a person's events, sessions and time in sessions per interval.

    A session counts, with all its length, in the interval that it begins in; inactive
    rows are events and form no session. Every interval from the first event to the
    last is there. See `Person.over_time`.
    """
    calendar = {"week_start": source.week_start, "quarter_start": source.quarter_start}
    zone = source.zone
    if rows.is_empty():
        edges = pl.Series("start", [], dtype=pl.Datetime("us", zone))
    else:
        first, last = rows["time"].min(), rows["time"].max()
        end = _after(last)
        edges = timeline.buckets(first, end, every, zone, **calendar)  # type: ignore[arg-type]
    start = timeline.bucket(pl.col("time"), every, zone, **calendar)  # type: ignore[arg-type]
    events = rows.group_by(start.alias("start")).agg(events=pl.len())
    sessions = (
        rows.filter(pl.col("active"))
        .drop_nulls("session_id")
        .group_by("session_id")
        .agg(pl.col("time").min(), last=pl.col("time").max())
        .group_by(start.alias("start"))
        .agg(sessions=pl.len(), usage=(pl.col("last") - pl.col("time")).sum())
    )
    return (
        edges.alias("start")
        .to_frame()
        .join(events, on="start", how="left", maintain_order="left")
        .join(sessions, on="start", how="left", maintain_order="left")
        .select(
            "start",
            pl.col("events").fill_null(0).cast(pl.Int64),
            pl.col("sessions").fill_null(0).cast(pl.Int64),
            pl.col("usage").fill_null(pl.duration()),
        )
    )


def _after(last: Any) -> datetime:  # noqa: ANN401 - a value of a series
    moment: datetime = pl.Series([last]).dt.offset_by("1us")[0]
    return moment


def insights(rows: pl.DataFrame, source: Source) -> dict[str, Any]:
    """Return what the look-up's insights draw, as plain JSON.

    Intervals are days, or as much wider as it takes to draw them side by side.
    """
    every: timeline.Interval = _WIDTHS[-1]
    table = over_time(rows.clear(), source, every)
    for every in _WIDTHS:
        table = over_time(rows, source, every)
        if table.height <= MOST_BARS:
            break
    local = pl.col("time").dt.convert_time_zone(source.zone)
    hours = rows.group_by(hour=local.dt.hour()).agg(rows=pl.len())
    by_hour = dict(hours.iter_rows())
    ends = table["start"].dt.offset_by(every)
    names = (
        rows["event"]
        .value_counts(sort=True)
        .sort(["count", "event"], descending=[True, False])
    )
    return {
        "every": every,
        "start_ms": table["start"].dt.epoch("ms").to_list(),
        "end_ms": ends.dt.epoch("ms").to_list(),
        "events": table["events"].to_list(),
        "sessions": table["sessions"].to_list(),
        "usage_ms": table["usage"].dt.total_milliseconds().to_list(),
        "hours": [by_hour.get(hour, 0) for hour in range(24)],
        "names": [list(row) for row in names.head(MOST_NAMES).iter_rows()],
        "other_names": max(0, names.height - MOST_NAMES),
    }
