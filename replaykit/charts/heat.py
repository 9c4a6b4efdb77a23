"""Heat maps: clicks as points, elements as bars, depth as a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from replaykit.charts.labels import label
from replaykit.charts.look import drawing

if TYPE_CHECKING:
    import polars as pl

#: Bars are drawn for so many elements; the table has all.
_MOST_BARS = 20


def click_chart(table: pl.DataFrame, *, title: str, note: str = "") -> go.Figure:
    """Draw clicks where they fell, larger where there were more.

    Parameters
    ----------
    table
        `x`, `y` (px from the page's upper left corner), `clicks`.
    title, note
        Plain text above the chart.

    Examples
    --------
    >>> import polars as pl
    >>> table = pl.DataFrame({"x": [10], "y": [20], "clicks": [3]})
    >>> click_chart(table, title="Clicks").data[0].y
    (20,)
    """
    most = max(table["clicks"].to_list(), default=1)
    points = go.Scatter(
        x=table["x"].to_list(),
        y=table["y"].to_list(),
        mode="markers",
        marker={
            "size": [6 + 22 * (n / most) ** 0.5 for n in table["clicks"].to_list()],
            "opacity": 0.55,
        },
        text=table["clicks"].to_list(),
        hovertemplate="%{text} clicks at %{x}, %{y} px<extra></extra>",
        meta={"series": 0, "role": "heat"},
    )
    axis = {"rangemode": "tozero", "title": {"text": "px"}}
    return drawing(
        [points],
        title=title,
        note=note,
        height=520,
        xaxis={"side": "top", **axis},
        yaxis={"autorange": "reversed", "nticks": None, **axis},
    )


def selector_chart(table: pl.DataFrame, *, title: str, note: str = "") -> go.Figure:
    """Draw the most clicked elements as bars, the first on top.

    Parameters
    ----------
    table
        `selector`, `clicks`, `users`.
    title, note
        Plain text above the chart.

    Examples
    --------
    >>> import polars as pl
    >>> table = pl.DataFrame({"selector": ["#buy"], "clicks": [3], "users": [2]})
    >>> selector_chart(table, title="Elements").data[0].x
    (3,)
    """
    shown = table.head(_MOST_BARS)
    bars = go.Bar(
        x=shown["clicks"].to_list(),
        y=list(range(shown.height)),
        orientation="h",
        text=shown["users"].to_list(),
        hovertext=[label(name, 120) for name in shown["selector"].to_list()],
        hovertemplate="%{hovertext}<br>%{x} clicks of %{text} users<extra></extra>",
        meta={"series": 0, "role": "bar"},
    )
    return drawing(
        [bars],
        title=title,
        note=note,
        height=96 + 26 * max(3, shown.height),
        margin={"t": 76, "b": 24, "l": 220},
        yaxis={
            "autorange": "reversed",
            "tickvals": list(range(shown.height)),
            "ticktext": [label(name, 30) for name in shown["selector"].to_list()],
            "showgrid": False,
            "nticks": None,
        },
    )


def scroll_chart(
    table: pl.DataFrame, *, fold: float | None, title: str, note: str = ""
) -> go.Figure:
    """Draw which share of the users saw each depth, the top of the page on top.

    Parameters
    ----------
    table
        `depth_px`, `users`, `pct`.
    fold
        The average fold, drawn as a line across; None without one.
    title, note
        Plain text above the chart.

    Examples
    --------
    >>> import polars as pl
    >>> table = pl.DataFrame({"depth_px": [0.0], "users": [4], "pct": [100.0]})
    >>> scroll_chart(table, fold=750.0, title="Depth").data[0].x
    (100.0,)
    """
    line = go.Scatter(
        x=table["pct"].to_list(),
        y=table["depth_px"].to_list(),
        mode="lines",
        fill="tozerox",
        text=table["users"].to_list(),
        hovertemplate="%{y:.0f} px: %{x:.0f} %, %{text} users<extra></extra>",
        meta={"series": 0, "role": "line"},
    )
    figure = drawing(
        [line],
        title=title,
        note=note,
        height=520,
        xaxis={"side": "top", "range": [0, 100], "ticksuffix": " %"},
        yaxis={"autorange": "reversed", "nticks": None, "ticksuffix": " px"},
    )
    if fold is not None:
        figure.add_hline(y=fold, line_dash="dot", annotation_text="average fold")
    return figure
