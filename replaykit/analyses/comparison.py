"""Compare a segmentation with the past: as many intervals, aligned by position."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.analyses.grid import UTC_TIME, Calendar, make_grid
from replaykit.analyses.segmentation import answer
from replaykit.errors import BadDuration
from replaykit.timeline import Span, check_interval, instant, localize

if TYPE_CHECKING:
    from datetime import date, datetime

    from replaykit.analyses.segmentation import SegmentationAnswer

_BACK: Final = ("1d", "1w", "1mo", "1q", "1y")


def compare(
    found: SegmentationAnswer,
    to: str | date,
    *,
    calendar: Calendar | None = None,
) -> pl.DataFrame:
    """Return a segmentation's points beside those of an earlier range.

    The earlier range has the same number of intervals and is aligned by position. A
    date that the earlier month does not have becomes its last day.

    Parameters
    ----------
    found
        The segmentation.
    to
        `"1d"`, `"1w"`, `"1mo"`, `"1q"` or `"1y"` back; or the last date of the earlier
        range.
    calendar
        The project's calendar, if it is not the default one of the answer's zone.

    Returns
    -------
    DataFrame
        The columns of `found.table` without `incomplete`, then `past_time`, `past` and
        `change` (percent; null where the past is 0 or missing).

    Examples
    --------
    >>> from replaykit.analyses.segmentation import segmentation
    >>> from replaykit.timeline import between
    >>> from datetime import datetime
    >>> days = [datetime(2026, 3, day) for day in (1, 2, 2)]
    >>> frame = pl.DataFrame({"user": [1] * 3, "time": days, "event": ["Play"] * 3})
    >>> day = between("2026-03-02", "2026-03-02")
    >>> now = segmentation(frame, "Play", measure="totals", span=day)
    >>> compare(now, "1d").select("value", "past", "change").rows()
    [(2, 1, 100.0)]
    """
    charted = found.charted
    grid = charted.grid
    every = grid.every or "1d"
    calendar = calendar or Calendar(grid.span.tz)
    count = len(grid.starts) - grid.lookback
    current = grid.starts[grid.lookback]
    if isinstance(to, str) and to in _BACK:
        start = _shifted(current, to, calendar)
    elif isinstance(to, str) and len(to) < len("2026-01-01"):
        check_interval(to)
        raise BadDuration(
            f"to={to!r} is not a step back. Use {', '.join(map(repr, _BACK))}, or the "
            "last date of the earlier range."
        )
    else:
        end = instant(to, calendar.tz)
        moment = pl.lit(end, dtype=UTC_TIME)
        latest = pl.select(calendar.start_of(moment, every)).item()
        start = [*calendar.starts_before(latest, every, count - 1), latest][0]
    starts, at = (
        [],
        pl.select(calendar.start_of(pl.lit(start, dtype=UTC_TIME), every)).item(),
    )
    for _ in range(count):
        starts.append(at)
        at = pl.select(calendar.end_of(pl.lit(at, dtype=UTC_TIME), every)).item()
    span = Span(start, at, calendar.tz, None, grid.span.without)
    past_grid = make_grid(
        charted.log,
        every=every,
        span=span,
        calendar=calendar,
        lookback=grid.lookback,
    )
    past = answer(replace(charted, grid=past_grid), found.spec, window=found.window)
    groups = ["event", *found.groups]
    pairs = pl.DataFrame(
        {
            "time": grid.starts.slice(grid.lookback),
            "past_time": pl.Series(starts, dtype=UTC_TIME),
        }
    ).with_columns(pl.all().dt.convert_time_zone(grid.span.tz))
    before = past.table.select(*groups, past_time="time", past="value")
    joined = (
        found.table.drop("incomplete")
        .join(pairs, on="time", how="left", maintain_order="left")
        .join(before, on=[*groups, "past_time"], how="left", maintain_order="left")
    )
    earlier = pl.col("past")
    if found.spec.fill is not None:
        earlier = earlier.fill_null(found.spec.fill)
    change = 100 * (pl.col("value") - earlier) / earlier
    return joined.with_columns(
        earlier.alias("past"), pl.when(earlier != 0).then(change).alias("change")
    )


def _shifted(start: datetime, back: str, calendar: Calendar) -> datetime:
    """Return the civil time so much earlier; a missing day is clipped to the month."""
    civil = pl.lit(start, dtype=UTC_TIME).dt.convert_time_zone(calendar.tz)
    moved = civil.dt.replace_time_zone(None).dt.offset_by(f"-{back}")
    found: datetime = pl.select(
        localize(moved, calendar.tz).dt.convert_time_zone("UTC")
    ).item()
    return found
