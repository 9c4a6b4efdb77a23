"""Bars over a measured axis: how long units took, how often they did something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import plotly.graph_objects as go

from replaykit.charts.labels import count, length, percent, second
from replaykit.charts.look import QUIET, colour, drawing, seconds_axis
from replaykit.points import SegmentationKey

if TYPE_CHECKING:
    import polars as pl

#: Bars are drawn up to the last one that holds anybody, but not fewer than these.
_LEAST: Final = 10


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
