"""Bars over a measured axis: how long units took, how often they did something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import plotly.graph_objects as go

from replaykit.charts.labels import (
    count,
    few,
    group_of,
    joined,
    length,
    percent,
    second,
)
from replaykit.charts.look import GRID, QUIET, colour, drawing, seconds_axis
from replaykit.charts.segmentation import UNITS
from replaykit.points import SegmentationKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

#: Bars are drawn up to the last one that holds anybody, but not fewer than these.
_LEAST: Final = 10
_BAR: Final = 26
_PACKED: Final = 560
#: More bars than this have no room for their names beside them; hover tells them.
_NAMED: Final = 40


def times_chart(
    table: pl.DataFrame,
    *,
    median: float | None = None,
    title: str = "Time to convert",
    note: str = "",
    unit: str = "users",
) -> go.Figure:
    """Draw how long units took, one bar per bin, and where the median lies.

    Parameters
    ----------
    table
        Columns `low` and `high` Duration of a bin, `users`, `share`.
    median
        In seconds; over all units, in the bins or not.
    title, note
        Plain text above the chart.
    unit
        What is counted.

    Examples
    --------
    >>> from datetime import timedelta
    >>> import polars as pl
    >>> minute = timedelta(minutes=1)
    >>> table = pl.DataFrame(
    ...     {"low": [0 * minute], "high": [minute], "users": [3], "share": [1.0]}
    ... )
    >>> times_chart(table).data[0].customdata
    ('seg|0||0',)
    """
    rows = table.select(
        table["low"].dt.total_milliseconds(),
        table["high"].dt.total_milliseconds(),
        "users",
        "share",
    ).to_dicts()
    bars = go.Bar(
        x=[(row["low"] + row["high"]) / 2000 for row in rows],
        width=[0.92 * (row["high"] - row["low"]) / 1000 for row in rows],
        y=[row["users"] for row in rows],
        customdata=[str(SegmentationKey(0, (), row["low"])) for row in rows],
        hovertext=[
            f"<b>{count(row['users'])} {unit}</b> · {percent(row['share'])}<br>"
            f"{length(row['low'] / 1000)} to {length(row['high'] / 1000)}"
            for row in rows
        ],
        hovertemplate="%{hovertext}<extra></extra>",
        marker={"color": colour(0), "line": {"width": 0}},
        meta={"series": 0, "role": "reached"},
    )
    filled = [at for at, row in enumerate(rows) if row["users"]]
    shown = min(len(rows), max([_LEAST, *(at + 2 for at in filled[-1:])]))
    first = rows[0]["low"] / 1000 if rows else 0
    last = rows[shown - 1]["high"] / 1000 if rows else 1
    inside = median is not None and first <= median <= last
    said = "" if median is None else f"median {length(median)}"
    axis = seconds_axis(last)
    return drawing(
        [bars],
        title=title,
        note=" · ".join(filter(None, [said, note])),
        bargap=0,
        xaxis={**axis, "range": [first, last], "fixedrange": True},
        yaxis={"tickformat": ",~r"},
        shapes=[_upright(median)] if inside else [],
        annotations=[_beside(median, last)] if inside else [],
        showlegend=False,
    )


def frequency_chart(
    table: pl.DataFrame, *, title: str, note: str = "", unit: str = "users"
) -> go.Figure:
    """Draw how many units did something so often, one bar per number of times.

    Parameters
    ----------
    table
        Columns `times`, `users`, `share`.
    title, note
        Plain text above the chart.
    unit
        What is counted.

    Examples
    --------
    >>> import polars as pl
    >>> table = pl.DataFrame({"times": [1, 3], "users": [4, 1], "share": [0.8, 0.2]})
    >>> frequency_chart(table, title="Search").data[0].customdata
    ('seg|0||1', 'seg|0||3')
    """
    rows = table.to_dicts()
    bars = go.Bar(
        x=[row["times"] for row in rows],
        y=[row["users"] for row in rows],
        customdata=[str(SegmentationKey(0, (), row["times"])) for row in rows],
        hovertext=[
            f"<b>{count(row['users'])} {unit}</b> · {percent(row['share'])}<br>"
            f"{row['times']} times"
            for row in rows
        ],
        hovertemplate="%{hovertext}<extra></extra>",
        marker={"color": colour(0), "line": {"width": 0}},
        meta={"series": 0, "role": "reached"},
    )
    few = len(rows) <= 1 or rows[-1]["times"] <= 20
    return drawing(
        [bars],
        title=title,
        note=note,
        bargap=0.25,
        xaxis={"dtick": 1, "tick0": 1} if few else {},
        yaxis={"tickformat": ",~r"},
        showlegend=False,
    )


def totals_chart(
    total: pl.DataFrame,
    *,
    events: Sequence[str],
    by: Sequence[str] = (),
    measure: str = "uniques",
    title: str | None = None,
    note: str = "",
    unit: str | None = None,
) -> go.Figure:
    """Draw one bar per series: its value over the whole range.

    Parameters
    ----------
    total
        Columns `event`, those of `by`, `value`.
    events
        The labels of the events in the order of the question, which keys count by.
    by
        The columns that tell the series of an event apart, in the order of keys.
    measure
        The word of the measure; it names the values.
    title, note
        Plain text above the chart; a title is made from the events when not given.
    unit
        What one value counts, if the measure does not say it.

    Examples
    --------
    >>> import polars as pl
    >>> total = pl.DataFrame({"event": ["Search"], "value": [3]})
    >>> totals_chart(total, events=["Search"]).data[0].customdata
    ('seg|0||-1',)
    """
    rows = total.to_dicts()
    unit = UNITS.get(measure, "") if unit is None else unit
    one = len(events) == 1 and bool(by)
    keys, names = [], []
    for at in range(len(rows)):
        part = total[at : at + 1]
        group, event = group_of(part, by), part["event"][0]
        keys.append(str(SegmentationKey(list(events).index(event), group, -1)))
        names.append(joined(group if one else (event, *group)))
    suffix = " %" if unit.startswith("%") else ""
    bars = go.Bar(
        orientation="h",
        y=list(range(len(rows))),
        x=[row["value"] for row in rows],
        text=[_value(row["value"], suffix) for row in rows]
        if len(rows) <= _NAMED
        else None,
        textposition="auto",
        customdata=keys,
        hovertext=[
            f"{name}<br><b>{_value(row['value'], '')} {unit}</b>".rstrip()
            for name, row in zip(names, rows, strict=True)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
        marker={"color": colour(0), "line": {"width": 0}},
        meta={"series": 0, "role": "reached"},
    )
    return drawing(
        [bars],
        title=f"{few(list(events))} · {measure}" if title is None else title,
        note=note,
        height=96 + _BAR * max(3, len(rows)) if len(rows) <= _NAMED else _PACKED,
        bargap=0.3,
        margin={"t": 56, "b": 40, "l": 56},
        xaxis={"showgrid": True, "gridcolor": GRID, "tickformat": "~s", "nticks": 6},
        yaxis={
            "autorange": "reversed",
            "tickvals": list(range(len(rows))) if len(rows) <= _NAMED else [],
            "ticktext": names if len(rows) <= _NAMED else [],
            "showgrid": False,
            "rangemode": "normal",
            "nticks": None,
        },
        showlegend=False,
    )


def _value(value: float | None, suffix: str) -> str:
    return "–" if value is None else f"{count(value)}{suffix}"


def _upright(at: float | None) -> dict[str, object]:
    """Draw a line where a value lies."""
    return {
        "type": "line",
        "x0": at,
        "x1": at,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": QUIET, "width": 1, "dash": "dot"},
    }


def _beside(at: float | None, last: float) -> dict[str, object]:
    right = (at or 0) > last / 2
    return {
        "x": at,
        "yref": "paper",
        "y": 1,
        "yanchor": "top",
        "xanchor": "right" if right else "left",
        "xshift": -4 if right else 4,
        "showarrow": False,
        "text": second("median"),
    }
