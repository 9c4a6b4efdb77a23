"""A segmentation as lines over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from replaykit.charts.distribution import WHOLE, distribution
from replaykit.charts.labels import few, group_of, joined
from replaykit.charts.trend import (
    Series,
    clocked,
    interval_words,
    moments_of,
    trend,
)
from replaykit.points import SegmentationKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go
    import polars as pl

#: What one unit of each measure is called in the hover text.
UNITS: Final = {
    "uniques": "users",
    "totals": "events",
    "active": "% of active users",
    "average": "events per user",
    "frequency": "users",
}
_COUNTS: Final = ("uniques", "totals", "frequency")


def segmentation_chart(
    table: pl.DataFrame,
    *,
    events: Sequence[str] | None = None,
    by: Sequence[str] = (),
    measure: str = "uniques",
    every: str = "1d",
    title: str | None = None,
    note: str = "",
    unit: str | None = None,
) -> go.Figure:
    """Draw each series of a segmentation over time.

    A bucket that is not over yet is open and reached by a dotted line. Series beyond
    the named colours are thin and grey, still hoverable and clickable.

    Parameters
    ----------
    table
        Columns `event`, those of `by`, `time`, `value`, `incomplete`. Without `time`
        and with `bucket` (the total of a frequency or distribution) it becomes bars.
        With `past` (a comparison) each series has its earlier values beside it, dashed.
    events
        The labels of the events in the order of the question, which keys count by; by
        default their order in the table.
    by
        The columns that tell the series of an event apart, in the order of keys.
    measure
        The word of the measure; it names the values.
    every
        The interval, to name the buckets.
    title, note
        Plain text above the chart; a title is made from the events when not given.
    unit
        What one value counts, if the measure does not say it.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> import polars as pl
    >>> table = pl.DataFrame(
    ...     {
    ...         "event": ["Search", "Search"],
    ...         "time": [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2)],
    ...         "value": [3, 2],
    ...         "incomplete": [False, True],
    ...     }
    ... )
    >>> figure = segmentation_chart(table)
    >>> [trace.name for trace in figure.data], figure.data[0].customdata[0]
    (['Search', 'Search'], 'seg|0||1772323200000')
    """
    named = [*(events or table["event"].unique(maintain_order=True))]
    unit = UNITS.get(measure, "") if unit is None else unit
    if "time" not in table.columns:
        return distribution(
            table,
            by=["event", *by],
            key=lambda group: str(
                SegmentationKey(named.index(group[0] or ""), group[1:], WHOLE)
            ),
            title=f"{few(named)} · {measure}" if title is None else title,
            note=note,
            unit=unit,
        )
    lines = [
        _series(part, named, by, one_event=len(named) == 1 and bool(by))
        for part in clocked(table, every).partition_by(
            ["event", *by], maintain_order=True
        )
    ]
    made = f"{few(named)} · {measure} {interval_words(every)}"
    return trend(
        lines,
        title=made if title is None else title,
        note=note,
        every=every,
        unit=unit,
        counts=measure in _COUNTS,
    )


def _series(
    part: pl.DataFrame, events: list[str], by: Sequence[str], *, one_event: bool
) -> Series:
    event = part["event"][0]
    group = group_of(part, by)
    place = events.index(event)
    parts = group if one_event else (event, *group)
    return Series(
        name=joined(parts),
        x=part["x"].to_list(),
        values=part["value"].to_list(),
        incomplete=part["incomplete"].to_list(),
        keys=[str(SegmentationKey(place, group, time)) for time in part["ms"]],
        past=part["past"].to_list() if "past" in part.columns else None,
        moments=moments_of(part),
    )
