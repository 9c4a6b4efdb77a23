"""Retention as a heat table: one line per cohort, one column per interval after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import plotly.graph_objects as go

from replaykit.charts.labels import count, label, percent
from replaykit.charts.look import drawing
from replaykit.points import RetentionKey

if TYPE_CHECKING:
    import polars as pl

#: From hardly anybody to everybody. Opaque, so that plotly picks a readable text
#: colour for each cell on a light and on a dark page alike.
_SCALE: Final = ((0.0, "#e7eef7"), (0.5, "#7fa3d3"), (1.0, "#1f4788"))
_ROW: Final = 26


def retention_chart(
    table: pl.DataFrame,
    *,
    title: str = "Retention",
    note: str = "",
    interval: str = "day",
) -> go.Figure:
    """Draw the share of each cohort that came back, interval by interval.

    Parameters
    ----------
    table
        Columns `cohort`, `index`, `retained`, `size`, `rate`; a null rate is a cell
        that has not come yet.
    title, note
        Plain text above the chart.
    interval
        What one step of the index is called.

    Examples
    --------
    >>> import polars as pl
    >>> table = pl.DataFrame(
    ...     {
    ...         "cohort": ["2026-03-01", "2026-03-01"],
    ...         "index": [0, 1],
    ...         "retained": [10, 4],
    ...         "size": [10, 10],
    ...         "rate": [1.0, 0.4],
    ...     }
    ... )
    >>> retention_chart(table).data[0].customdata[0][1]
    'ret|2026-03-01|1'
    """
    cohorts = table["cohort"].unique(maintain_order=True)
    indices = table["index"].unique().sort().to_list()
    cells = {(row["cohort"], row["index"]): row for row in table.to_dicts()}
    grid = [[cells.get((cohort, index)) for index in indices] for cohort in cohorts]
    sizes = [next((c["size"] for c in line if c), 0) for line in grid]
    names = [
        f"{label(_day(cohort), 24)} · {count(size)}"
        for cohort, size in zip(cohorts, sizes, strict=True)
    ]
    heat = go.Heatmap(
        x=indices,
        y=list(range(len(names))),
        z=[[_rate(cell) for cell in line] for line in grid],
        zmin=0,
        zmax=1,
        text=[
            [
                percent(cell["rate"]) if _rate(cell) is not None and cell else ""
                for cell in line
            ]
            for line in grid
        ],
        texttemplate="%{text}" if len(indices) <= 16 else "",
        customdata=[[_key(cell) for cell in line] for line in grid],
        hovertext=[
            [_told(cell, name, interval) for cell in line]
            for line, name in zip(grid, names, strict=True)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
        hoverongaps=False,
        colorscale=[list(stop) for stop in _SCALE],
        showscale=False,
        xgap=1,
        ygap=1,
        meta={"series": 0, "role": "heat"},
    )
    return drawing(
        [heat],
        title=title,
        note=note,
        height=min(900, 96 + _ROW * max(3, len(names))),
        min_width=max(320, 160 + 44 * min(len(indices), 16)),
        margin={"t": 76, "b": 12, "l": 120},
        xaxis={
            "side": "top",
            "tickvals": indices,
            "ticktext": [
                f"{interval} {index}" if index == indices[0] else str(index)
                for index in indices
            ],
            "fixedrange": True,
        },
        yaxis={
            "autorange": "reversed",
            "tickvals": list(range(len(names))),
            "ticktext": names,
            "showgrid": False,
            "nticks": None,
            "rangemode": "normal",
        },
    )


def _rate(cell: dict[str, Any] | None) -> float | None:
    return None if cell is None else cell["rate"]


def _key(cell: dict[str, Any] | None) -> str | None:
    if cell is None or cell["rate"] is None:
        return None
    return str(RetentionKey(_day(cell["cohort"]), cell["index"]))


def _told(cell: dict[str, Any] | None, name: str, interval: str) -> str:
    if cell is None or cell["rate"] is None:
        return ""
    cohort = name.rsplit(" · ", 1)[0]
    return (
        f"<b>{percent(cell['rate'])} came back</b><br>"
        f"{count(cell['retained'])} of {count(cell['size'])} · {cohort}"
        f" · {interval} {cell['index']}"
    )


def _day(cohort: object) -> str:
    """Write a cohort as its day: dates and times are cut to the day they start on."""
    return str(cohort)[:10] if not isinstance(cohort, str) else cohort
