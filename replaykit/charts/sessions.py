"""Sessions over time, or the distribution of their lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.charts.labels import group_of, joined
from replaykit.charts.trend import Series, interval_words, trend
from replaykit.points import SessionsKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

_UNITS: Final = {
    "total": "sessions",
    "length": "minutes",
    "average length": "minutes",
    "time per user": "minutes per user",
    "per user": "sessions per user",
}


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
        Columns `time`, those of `by`, `value`, and `incomplete` where known.
    by
        The grouping columns.
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
    if "incomplete" not in table.columns:
        table = table.with_columns(incomplete=pl.lit(value=False))
    parts = table.partition_by([*by], maintain_order=True) if by else [table]
    words = "Sessions" if measure == "total" else f"Sessions · {measure}"
    return trend(
        [_series(part, by) for part in parts],
        title=f"{words} {interval_words(every)}" if title is None else title,
        note=note,
        every=every,
        unit=_UNITS.get(measure, ""),
        counts=measure == "total",
    )


def _series(part: pl.DataFrame, by: Sequence[str]) -> Series:
    group = group_of(part, by)
    return Series(
        name=joined(group) if by else "sessions",
        times=part["time"],
        values=part["value"].to_list(),
        incomplete=part["incomplete"].to_list(),
        keys=[str(SessionsKey(group, time)) for time in part["time"].dt.epoch("ms")],
    )
