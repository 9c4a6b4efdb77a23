"""Lines over whole numbers: how a share or a value grows with days since a start."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from replaykit.charts.look import (
    DASHES,
    NAMED,
    SERIES,
    SYMBOLS,
    beyond,
    colour,
    drawing,
    legend,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

#: More points than this are drawn with small markers.
_DENSE = 40


class Curve(NamedTuple):
    """One line: its name (safe for plotly), its points, their keys and hover texts."""

    name: str
    x: list[int]
    y: list[float | None]
    keys: list[str | None]
    told: list[str]


def curve_chart(
    lines: Sequence[Curve],
    *,
    title: str,
    note: str = "",
    interval: str = "day",
    percents: bool = False,
    ticks: Sequence[str] | None = None,
) -> go.Figure:
    """Draw lines over numbers of intervals.

    Parameters
    ----------
    lines
        The curves, in the order of their colours.
    title, note
        Plain text above the chart.
    interval
        What one step of the axis is called.
    percents
        True if values are percents: the axis then runs to 100.
    ticks
        What the whole numbers from 0 on are called, if not by themselves.

    Examples
    --------
    >>> line = Curve("all", [0, 1], [100.0, 40.0], ["ret|all|0", "ret|all|1"], ["", ""])
    >>> curve_chart([line], title="Retention").data[0].customdata
    ('ret|all|0', 'ret|all|1')
    """
    axis: dict[str, object] = {
        "title": {"text": f"{interval}s", "standoff": 8, "font": {"size": 12}},
        "rangemode": "tozero",
    }
    if ticks is not None:
        axis = {"tickvals": [*range(len(ticks))], "ticktext": [*ticks]}
    elif all(len(line.x) <= 1 or max(line.x) <= 14 for line in lines):
        axis |= {"dtick": 1}
    last = max((max(line.x, default=1) for line in lines), default=1)
    axis["range"] = [-0.02 * last, 1.02 * last]
    return drawing(
        [_line(line, place) for place, line in enumerate(lines)],
        title=title,
        note=" · ".join(filter(None, [note, beyond(len(lines))])),
        margin={"t": 84 if len(lines) > 1 else 56, "b": 56},
        xaxis=axis,
        yaxis={"range": [0, 102], "ticksuffix": " %"}
        if percents
        else {"tickformat": ",~r"},
        **legend(len(lines)),
    )


def _line(line: Curve, place: int) -> dict[str, object]:
    named = place < NAMED
    return {
        "type": "scatter",
        "x": line.x,
        "y": line.y,
        "name": line.name,
        "legendgroup": str(place),
        "showlegend": named,
        "customdata": line.keys,
        "mode": "lines+markers" if named else "lines",
        "line": {
            "color": colour(place),
            "width": 2 if named else 1,
            "dash": DASHES[place // len(SERIES)] if named else "solid",
        },
        "marker": {
            "symbol": SYMBOLS[place % len(SYMBOLS)],
            "size": 3 if len(line.x) > _DENSE else 7,
            "color": colour(place),
            "line": {"width": 0},
        },
        "opacity": 1 if named else 0.5,
        "zorder": int(named),
        "cliponaxis": False,
        "hovertext": line.told,
        "hovertemplate": "%{hovertext}<extra></extra>",
        "meta": {"series": place, "role": "line"},
    }
