"""Retention, usage and lifetime value as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from replaykit.charts.curve import Curve, curve_chart
from replaykit.charts.labels import count, group_of, joined, label, percent
from replaykit.charts.trend import Series, clocked, moments_of, trend
from replaykit.points import RetentionKey, SegmentationKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

#: The cohort of everybody.
_ALL = "all"


def retention_curve_chart(
    table: pl.DataFrame,
    *,
    by: Sequence[str] = (),
    title: str = "Retention",
    note: str = "",
    interval: str = "day",
) -> go.Figure:
    """Draw the row of all cohorts as a line, one per group.

    Takes the table that `retention_chart` takes.

    Examples
    --------
    >>> table = pl.DataFrame(
    ...     {
    ...         "cohort": ["all", "all"],
    ...         "offset": [0, 1],
    ...         "users": [10, 8],
    ...         "returned": [10, 4],
    ...         "value": [100.0, 50.0],
    ...         "incomplete": [False, False],
    ...     }
    ... )
    >>> list(retention_curve_chart(table).data[0].y)
    [100.0, 50.0]
    """
    rows = table.filter(pl.col("cohort") == _ALL)
    parts = rows.partition_by([*by], maintain_order=True) if by else [rows]
    lines = []
    for part in parts:
        group = group_of(part, by)
        name = joined(group) if by else "all cohorts"
        lines.append(
            Curve(
                name,
                part["offset"].to_list(),
                part["value"].to_list(),
                [
                    None
                    if row["value"] is None
                    else str(RetentionKey(_ALL, row["offset"], group=group))
                    for row in part.iter_rows(named=True)
                ],
                [
                    f"<b>{percent((row['value'] or 0) / 100)} came back</b><br>"
                    f"{count(row['returned'])} of {count(row['users'])} · "
                    f"{interval} {row['offset']}{f' · {name}' if by else ''}"
                    for row in part.iter_rows(named=True)
                ],
            )
        )
    ticks = None
    if "bracket" in table.columns:
        named = rows.unique("offset").sort("offset")
        ticks = [label(one, 12) for one in named["bracket"]]
    return curve_chart(
        lines, title=title, note=note, interval=interval, percents=True, ticks=ticks
    )


def retention_over_time_chart(
    table: pl.DataFrame,
    *,
    by: Sequence[str] = (),
    every: str = "1d",
    title: str = "Retention over time",
    note: str = "",
    interval: str = "day",
) -> go.Figure:
    """Draw the cohorts over time, one line per index: the same cells, read downwards.

    Takes the table that `retention_chart` takes.
    """
    rows = table.filter(pl.col("cohort") != _ALL)
    lines = []
    for part in clocked(rows, every).partition_by([*by, "offset"], maintain_order=True):
        group = group_of(part, by)
        offset = part["offset"][0]
        name = part["bracket"][0] if "bracket" in part.columns else str(offset)
        lines.append(
            Series(
                name=joined([f"{interval} {name}", *group]),
                x=part["x"].to_list(),
                values=part["value"].to_list(),
                incomplete=part["incomplete"].to_list(),
                keys=[
                    str(RetentionKey(cohort, offset, group=group))
                    for cohort in part["cohort"]
                ],
                moments=moments_of(part),
            )
        )
    return trend(lines, title=title, note=note, every=every, unit="% came back")


def usage_chart(
    table: pl.DataFrame, *, title: str, note: str = "", interval: str = "day"
) -> go.Figure:
    """Draw how many users come by at least every so many intervals.

    Parameters
    ----------
    table
        Columns `units`, `users`, `value` (percent).
    title, note
        Plain text above the chart.
    interval
        What one unit is called.

    Examples
    --------
    >>> table = pl.DataFrame({"units": [1, 2], "users": [1, 2], "value": [50.0, 100.0]})
    >>> usage_chart(table, title="Play").data[0].customdata
    ('seg|0||1', 'seg|0||2')
    """
    line = Curve(
        "users",
        table["units"].to_list(),
        table["value"].to_list(),
        [str(SegmentationKey(0, (), units)) for units in table["units"]],
        [
            f"<b>{percent(row['value'] / 100)}</b> · {count(row['users'])} users<br>"
            f"every {row['units']} {interval}s or sooner"
            for row in table.iter_rows(named=True)
        ],
    )
    return curve_chart([line], title=title, note=note, interval=interval, percents=True)


def value_chart(
    table: pl.DataFrame, *, title: str, note: str = "", interval: str = "day"
) -> go.Figure:
    """Draw what users are worth after their first intervals, everybody and by cohort.

    Parameters
    ----------
    table
        Columns `intervals`, `cohort`, `users`, `revenue`, `value`.
    title, note
        Plain text above the chart.
    interval
        What one of the intervals is called.

    Examples
    --------
    >>> table = pl.DataFrame(
    ...     {
    ...         "intervals": [1],
    ...         "cohort": ["all"],
    ...         "users": [2],
    ...         "revenue": [6.0],
    ...         "value": [3.0],
    ...     }
    ... )
    >>> value_chart(table, title="Value").data[0].customdata
    ('seg|1|all|-1',)
    """
    cohorts = table["cohort"].unique(maintain_order=True).to_list()
    order = [_ALL, *(one for one in cohorts if one != _ALL)] if cohorts else []
    lines = []
    for cohort in order:
        part = table.filter(pl.col("cohort") == cohort).sort("intervals")
        lines.append(
            Curve(
                "all cohorts" if cohort == _ALL else label(cohort),
                part["intervals"].to_list(),
                part["value"].to_list(),
                [
                    None
                    if row["value"] is None
                    else str(SegmentationKey(row["intervals"], (cohort,), -1))
                    for row in part.iter_rows(named=True)
                ],
                [
                    f"<b>{count(row['value'] or 0)} per user</b><br>"
                    f"{count(row['revenue'])} of {count(row['users'])} users · first "
                    f"{row['intervals']} {interval}s · {label(cohort)}"
                    for row in part.iter_rows(named=True)
                ],
            )
        )
    return curve_chart(lines, title=title, note=note, interval=interval)
