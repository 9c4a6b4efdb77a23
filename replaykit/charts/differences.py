"""Two groups side by side: a dot each, a line between them, one row per fact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import plotly.graph_objects as go

from replaykit.charts.labels import count, label
from replaykit.charts.look import QUIET, colour, drawing, legend
from replaykit.points import SIDES, DifferenceKey

if TYPE_CHECKING:
    import polars as pl

    from replaykit.points import Side

#: Rows are drawn for so many facts; the table has all.
_MOST: Final = 20
_FAINT: Final = 0.4


def differences_chart(
    table: pl.DataFrame,
    *,
    names: tuple[str, str],
    level: float,
    title: str,
    note: str = "",
) -> go.Figure:
    """Draw the facts that differ most, in the order of the table.

    Parameters
    ----------
    table
        `kind`, `what`, `selector`, `users`, `other_users`, `share`, `other_share`,
        `points`, `low`, `high`, `q_value`.
    names
        The two groups.
    level
        Facts whose `q_value` is above it are drawn faintly.
    title, note
        Plain text above the chart.

    Examples
    --------
    >>> import polars as pl
    >>> row = {"kind": "clicked", "what": "Pay", "selector": "#pay", "users": 1}
    >>> row |= {"other_users": 3, "share": 0.1, "other_share": 0.9, "points": -80.0}
    >>> table = pl.DataFrame([row | {"low": -95.0, "high": -40.0, "q_value": 0.01}])
    >>> figure = differences_chart(table, names=("a", "b"), level=0.05, title="Both")
    >>> [trace.x for trace in figure.data[1:]]
    [(10.0,), (90.0,)]
    """
    shown = table.head(_MOST)
    rows = shown.to_dicts()
    places = list(range(len(rows)))
    between: list[float | None] = []
    heights: list[int | None] = []
    for place, row in zip(places, rows, strict=True):
        between += [100 * row["share"], 100 * row["other_share"], None]
        heights += [place, place, None]
    lines = go.Scatter(
        x=between,
        y=heights,
        mode="lines",
        line={"color": QUIET, "width": 2},
        hoverinfo="skip",
        showlegend=False,
    )
    clear = [1 if row["q_value"] <= level else _FAINT for row in rows]
    dots = [
        _dots(rows, side, name, clear) for side, name in zip(SIDES, names, strict=True)
    ]
    return drawing(
        [lines, *dots],
        title=title,
        note=note,
        height=108 + 24 * max(3, len(rows)),
        min_width=560,
        margin={"t": 84, "b": 28, "l": 236},
        **legend(len(names)),
        xaxis={"range": [-3, 103], "ticksuffix": " %", "zeroline": False},
        yaxis={
            "range": [len(rows) - 0.4, -0.6],
            "tickvals": places,
            "ticktext": [label(f"{row['kind']} {row['what']}", 34) for row in rows],
            "showgrid": False,
            "nticks": None,
        },
    )


def _dots(
    rows: list[dict[str, object]], side: str, name: str, clear: list[float]
) -> go.Scatter:
    own: Side = "others" if side == "others" else "these"
    share, users = (
        ("other_share", "other_users") if own == "others" else ("share", "users")
    )
    place = SIDES.index(own)
    return go.Scatter(
        x=[100 * float(str(row[share])) for row in rows],
        y=list(range(len(rows))),
        mode="markers",
        name=label(name, 40),
        legendgroup=str(place),
        marker={
            "size": 11,
            "color": colour(place),
            "symbol": ("circle", "diamond")[place],
            "opacity": clear,
        },
        customdata=[str(DifferenceKey(line, own)) for line in range(len(rows))],
        hovertext=[_hover(row, str(row[users]), share, name) for row in rows],
        hovertemplate="%{hovertext}<extra></extra>",
        meta={"series": place, "role": "dots"},
    )


def _hover(row: dict[str, object], users: str, share: str, name: str) -> str:
    low, high = float(str(row["low"])), float(str(row["high"]))
    points, q = float(str(row["points"])), float(str(row["q_value"]))
    people = f"{count(int(users))} users, {100 * float(str(row[share])):.0f} %"
    parts = [
        label(f"{row['kind']} {row['what']}", 120),
        label(str(row["selector"]), 120) if row["selector"] else "",
        f"{label(name, 60)}: {people}",
        f"difference {points:+.0f} points ({low:+.0f} to {high:+.0f}), q {q:.3f}",
    ]
    return "<br>".join(filter(None, parts))
