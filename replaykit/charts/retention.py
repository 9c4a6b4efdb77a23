"""Retention as a heat table: one line per cohort, one column per interval after it."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, Final

import plotly.graph_objects as go
import polars as pl

from replaykit.charts.labels import count, joined, label, percent
from replaykit.charts.look import drawing
from replaykit.points import RetentionKey

if TYPE_CHECKING:
    from collections.abc import Sequence

#: From hardly anybody to everybody. Opaque and light, so that one dark text colour is
#: read on every cell (6:1 at least), on a light and on a dark page alike.
_SCALE: Final = ((0.0, "#eef3fa"), (1.0, "#7fa8dc"))
_INK: Final = "#222222"
_ROW: Final = 26
_NAME: Final = 14
_TALLEST: Final = 900
#: No more numbers than this stand above the columns.
_MOST_HEADS: Final = 24
#: With more columns than this the cells are too narrow for their numbers.
_MOST_TEXTS: Final = 16


def retention_chart(
    table: pl.DataFrame,
    *,
    by: Sequence[str] = (),
    title: str = "Retention",
    note: str = "",
    interval: str = "day",
) -> go.Figure:
    """Draw the share of each cohort that came back, interval by interval.

    Cells whose interval is not over yet are in italics; a cohort without users has
    empty cells.

    Parameters
    ----------
    table
        Columns `cohort`, `offset`, `users`, `returned`, `value` (percent, null without
        users), `incomplete`; and `bracket`, the name of an offset, where there are any.
    by
        The grouping columns; the cohorts of a group stand under each other.
    title, note
        Plain text above the chart.
    interval
        What one step of the offset is called.

    Examples
    --------
    >>> import polars as pl
    >>> table = pl.DataFrame(
    ...     {
    ...         "cohort": ["2026-03-01", "2026-03-01"],
    ...         "offset": [0, 1],
    ...         "users": [10, 10],
    ...         "returned": [10, 4],
    ...         "value": [100.0, 40.0],
    ...         "incomplete": [False, False],
    ...     }
    ... )
    >>> retention_chart(table).data[0].customdata[0][1]
    'ret|2026-03-01|1'
    """
    lines = table.select(*by, "cohort").unique(maintain_order=True).rows()
    offsets = table["offset"].unique().sort().to_list()
    rows = table.with_columns(group=pl.concat_list(by) if by else pl.lit([])).to_dicts()
    cells = {(*row["group"], row["cohort"], row["offset"]): row for row in rows}
    grid = [[cells.get((*line, offset)) for offset in offsets] for line in lines]
    sizes = [max((c["users"] for c in line if c), default=0) for line in grid]
    names = [
        f"{joined(line, 24)} · {count(size)}"
        for line, size in zip(lines, sizes, strict=True)
    ]
    heat = go.Heatmap(
        x=list(range(len(offsets))),
        y=list(range(len(names))),
        z=[[_value(cell) for cell in line] for line in grid],
        zmin=0,
        zmax=100,
        text=[[_text(cell) for cell in line] for line in grid],
        texttemplate="%{text}" if len(offsets) <= _MOST_TEXTS else "",
        textfont={"color": _INK, "size": 11},
        customdata=[[_key(cell) for cell in line] for line in grid],
        hovertext=[[_told(cell, interval) for cell in line] for line in grid],
        hovertemplate="%{hovertext}<extra></extra>",
        hoverongaps=False,
        colorscale=[list(stop) for stop in _SCALE],
        showscale=False,
        xgap=1,
        ygap=1,
        meta={"series": 0, "role": "heat"},
    )
    # Cohorts whose lines are lower than a name are named every other one.
    step = max(1, ceil(len(names) * _NAME / (_TALLEST - 96)))
    return drawing(
        [heat],
        title=title,
        note=note,
        height=min(_TALLEST, 96 + _ROW * max(3, len(names))),
        min_width=max(320, 160 + 44 * min(len(offsets), _MOST_TEXTS)),
        margin={"t": 76, "b": 12, "l": 120},
        xaxis={
            "side": "top",
            "tickvals": list(range(0, len(offsets), _every(len(offsets)))),
            "ticktext": _heads(table, offsets, interval)[:: _every(len(offsets))],
            "tickangle": 0,
            "fixedrange": True,
        },
        yaxis={
            "autorange": "reversed",
            "tickvals": list(range(0, len(names), step)),
            "ticktext": names[::step],
            "showgrid": False,
            "nticks": None,
            "rangemode": "normal",
        },
    )


def _every(columns: int) -> int:
    """Return which columns have their number above them."""
    return max(1, ceil(columns / _MOST_HEADS))


def _heads(table: pl.DataFrame, offsets: list[int], interval: str) -> list[str]:
    if "bracket" in table.columns:
        named = dict(table.select("offset", "bracket").iter_rows())
        return [label(named[offset], 12) for offset in offsets]
    return [
        f"{interval} {offset}" if place == 0 else str(offset)
        for place, offset in enumerate(offsets)
    ]


def _value(cell: dict[str, Any] | None) -> float | None:
    return None if cell is None else cell["value"]


def _text(cell: dict[str, Any] | None) -> str:
    if cell is None or cell["value"] is None:
        return ""
    shown = percent(cell["value"] / 100)
    return f"<i>{shown}</i>" if cell["incomplete"] else shown


def _key(cell: dict[str, Any] | None) -> str | None:
    if cell is None or cell["value"] is None:
        return None
    return str(RetentionKey(cell["cohort"], cell["offset"], group=tuple(cell["group"])))


def _told(cell: dict[str, Any] | None, interval: str) -> str:
    if cell is None or cell["value"] is None:
        return ""
    of_all = f"{count(cell['returned'])} of {count(cell['users'])}"
    cohort = joined([*cell["group"], cell["cohort"]])
    where = f"{cohort} · {interval} {cell['offset']}"
    lines = [
        f"<b>{percent(cell['value'] / 100)} came back</b>",
        f"{of_all} · {where}",
        *(["not over yet"] if cell["incomplete"] else []),
    ]
    return "<br>".join(lines)
