"""Sessions over time, or the distribution of their lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.charts.distribution import WHOLE, distribution
from replaykit.charts.labels import group_of, joined
from replaykit.charts.trend import (
    Series,
    clocked,
    interval_words,
    moments_of,
    trend,
)
from replaykit.points import SessionsKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

#: What a value counts in the hover text; times are written out with their units.
_UNITS: Final = {
    "total": "sessions",
    "length distribution": "sessions",
    "events distribution": "sessions",
    "time per user": "per user",
    "per user": "sessions per user",
    "events": "events",
    "events per session": "events per session",
}
_TIMES: Final = ("length", "average length", "time per user")
_COUNTS: Final = ("total", "events", "length distribution", "events distribution")


def sessions_chart(
    table: pl.DataFrame,
    *,
    by: Sequence[str] = (),
    measure: str = "total",
    every: str = "1d",
    title: str | None = None,
    note: str = "",
) -> go.Figure:
    """Draw a measure of sessions over time, or the distribution of their lengths.

    Parameters
    ----------
    table
        Columns `time`, those of `by`, `value`, and `incomplete` where known. Without
        `time` and with `bucket` (the total of a distribution) it becomes bars.
    by
        The columns that tell series apart, in the order of keys.
    measure
        The word of the measure; it names the values.
    every
        The interval, to name the buckets.
    title, note
        Plain text above the chart; a title is made from the measure when not given.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> table = pl.DataFrame({"time": [datetime(2026, 3, 1, tzinfo=UTC)], "value": [7]})
    >>> sessions_chart(table).data[0].customdata
    ('sessions||1772323200000',)
    """
    words = "Sessions" if measure == "total" else f"Sessions · {measure}"
    unit = _UNITS.get(measure, "")
    if "time" not in table.columns:
        return distribution(
            table,
            by=by,
            key=lambda group: str(SessionsKey(group, WHOLE)),
            title=words if title is None else title,
            note=note,
            unit=unit,
        )
    if "incomplete" not in table.columns:
        table = table.with_columns(incomplete=pl.lit(value=False))
    timed = clocked(table, every)
    parts = timed.partition_by([*by], maintain_order=True) if by else [timed]
    return trend(
        [_series(part, by) for part in parts],
        title=f"{words} {interval_words(every)}" if title is None else title,
        note=note,
        every=every,
        unit=unit,
        counts=measure in _COUNTS,
        seconds=measure in _TIMES,
    )


def _series(part: pl.DataFrame, by: Sequence[str]) -> Series:
    group = group_of(part, by)
    return Series(
        name=joined(group) if by else "sessions",
        x=part["x"].to_list(),
        values=part["value"].to_list(),
        incomplete=part["incomplete"].to_list(),
        keys=[str(SessionsKey(group, time)) for time in part["ms"]],
        moments=moments_of(part),
    )
