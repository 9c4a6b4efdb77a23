"""A funnel as bars: who reached each step, and above it who was lost on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import plotly.graph_objects as go

from replaykit.charts.labels import (
    count,
    group_of,
    joined,
    label,
    length,
    percent,
    plain,
    second,
    wrapped,
)
from replaykit.charts.look import beyond, colour, drawing, legend
from replaykit.points import FunnelKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl


#: Up to so many bars say their percent inside; with more they are too narrow.
_MOST_TEXTS: Final = 16

#: A step's room where the chart is narrowest, what stands beside all steps, a letter.
_STEP_PX: Final = 150
_BESIDE_PX: Final = 60
_LETTER_PX: Final = 7.4


def funnel_chart(
    table: pl.DataFrame,
    *,
    by: Sequence[str] = (),
    title: str | None = None,
    note: str | None = None,
    unit: str = "users",
) -> go.Figure:
    """Draw a funnel: a solid bar for those who reached a step, hatched for the lost.

    Heights are shares of the first step, so groups of any size compare. Every bar's
    label says its count, its share of step 1 and of the step before.

    Parameters
    ----------
    table
        Columns `step` (from 1), `event`, those of `by`, `users`, `share`,
        `step_share`, `dropped_before`; `median_time` and `label`, what a step is
        called on the axis, where known.
    by
        The grouping columns; each group gets its own bar at each step.
    title, note
        Plain text above the chart; made from the table when not given.
    unit
        What is counted.

    Examples
    --------
    >>> import polars as pl
    >>> table = pl.DataFrame(
    ...     {
    ...         "step": [1, 2],
    ...         "event": ["Search", "Buy"],
    ...         "users": [10, 4],
    ...         "share": [1.0, 0.4],
    ...         "step_share": [None, 0.4],
    ...         "dropped_before": [0, 6],
    ...     }
    ... )
    >>> reached, dropped = funnel_chart(table).data
    >>> list(reached.y), list(dropped.y), dropped.customdata[1]
    ([1.0, 0.4], [None, 0.6], 'funnel|2|dropped|')
    """
    groups = table.partition_by([*by], maintain_order=True) if by else [table]
    traces: list[Any] = []
    few = len(groups) > 1 and table.height <= _MOST_TEXTS
    for place, part in enumerate(groups):
        traces += _bars(part.sort("step"), place, by, unit, told=few)
    steps = table.unique("step").sort("step")
    made = f"Funnel · {steps.height} steps"
    counts = groups[0].sort("step") if len(groups) == 1 else None
    said = _sentence(counts, unit) if note is None else note
    return drawing(
        traces,
        title=made if title is None else title,
        note=" · ".join(filter(None, [said, beyond(len(groups))])),
        height=356,
        min_width=_narrowest(steps.height),
        barmode="group",
        bargap=0.4 if len(groups) == 1 else 0.2,
        bargroupgap=0.06 if len(groups) > 1 else 0,
        margin={"t": 84 if len(groups) > 1 else 56, "b": 44 if len(groups) > 1 else 72},
        xaxis={
            "tickmode": "array",
            "tickvals": steps["step"].to_list(),
            "ticktext": _ticks(counts if counts is not None else steps, counts, unit),
            "tickangle": 0,
            "fixedrange": True,
            "range": [0.4, steps.height + 0.6],
        },
        yaxis={
            "range": [0, 1.02],
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
            "ticktext": ["0 %", "25 %", "50 %", "75 %", "100 %"],
        },
        **legend(len(groups)),
    )


def _bars(
    part: pl.DataFrame, place: int, by: Sequence[str], unit: str, *, told: bool
) -> list[go.Bar]:
    group = group_of(part, by)
    name = joined(group) if by else ""
    rows = part.to_dicts()
    first = rows[0]["users"] if rows else 0
    shared = {
        "name": name,
        "x": part["step"].to_list(),
        "offsetgroup": str(place),
        "legendgroup": str(place),
        "hovertemplate": "%{hovertext}<extra></extra>",
        "cliponaxis": False,
    }
    shares = [row["share"] or 0.0 for row in rows]
    lost = [row["dropped_before"] or 0 for row in rows]
    before = [None, *rows[:-1]]
    return [
        go.Bar(
            **shared,
            y=shares,
            customdata=[str(FunnelKey(row["step"], "reached", group)) for row in rows],
            text=[percent(row["share"]) for row in rows] if told else None,
            textposition="inside",
            insidetextanchor="end",
            textangle=0,
            constraintext="none",
            hovertext=[
                _told(name, f"{count(row['users'])} {unit}", _shares(row), row["event"])
                for row in rows
            ],
            marker={"color": colour(place), "line": {"width": 0}},
            showlegend=bool(by),
            meta={"series": place, "role": "reached"},
        ),
        go.Bar(
            **shared,
            # The lost stand on top of those who came through, up to the step before.
            base=shares,
            y=[number / first if number and first else None for number in lost],
            customdata=[
                str(FunnelKey(row["step"], "dropped", group)) if number else None
                for row, number in zip(rows, lost, strict=True)
            ],
            hovertext=[
                _told(
                    name,
                    f"{count(number)} dropped",
                    percent(number / up["users"] if up and up["users"] else None),
                    f"after {up['event']}" if up else "",
                )
                for row, up, number in zip(rows, before, lost, strict=True)
            ],
            marker={
                "color": colour(place),
                "line": {"width": 1, "color": colour(place)},
                "pattern": {
                    "shape": "/",
                    "size": 6,
                    "solidity": 0.25,
                    "fillmode": "replace",
                    "fgcolor": colour(place),
                    "fgopacity": 0.6,
                    "bgcolor": "rgba(0,0,0,0)",
                },
            },
            showlegend=False,
            meta={"series": place, "role": "dropped"},
        ),
    ]


def _told(name: str, headline: str, detail: str, event: str) -> str:
    lines = [f"<b>{headline}</b>", f"{label(event, 60)} · {detail}"]
    return "<br>".join([*([name] if name else []), *lines])


def _shares(row: dict[str, Any]) -> str:
    if row["step"] == 1:
        return "all of step 1"
    of_first = f"{percent(row['share'])} of step 1"
    took = _took(row)
    time = f"<br>median {took} from step {row['step'] - 1}" if took else ""
    if row["step"] == 2:
        return f"{of_first}{time}"
    before = f"{percent(row['step_share'])} of step {row['step'] - 1}"
    return f"{of_first} · {before}{time}"


def _took(row: dict[str, Any]) -> str:
    """Say the median time since the step before, where it is known."""
    time = row.get("median_time")
    return "" if time is None else length(time.total_seconds())


def _narrowest(steps: int) -> int:
    """Return the width below which a chart of so many steps is not drawn."""
    return max(320, _BESIDE_PX + _STEP_PX * steps)


def _tick_width(steps: int) -> int:
    """Return how many letters of a name fit under a step, also where it is narrow."""
    shared = max(1, steps)
    narrow = (_narrowest(steps) - _BESIDE_PX) / shared / _LETTER_PX
    return int(min(narrow, max(12, 80 // shared)))


def _ticks(steps: pl.DataFrame, counts: pl.DataFrame | None, unit: str) -> list[str]:
    ticks = []
    width = _tick_width(steps.height)
    for row in steps.iter_rows(named=True):
        name = row.get("label") or row["event"]
        tick = wrapped(f"{row['step']} · {name}", width)
        if counts is not None:
            number = count(row["users"])
            line = (
                f"{number} {unit}" if row["step"] == 1 else f"{number} · {_under(row)}"
            )
            tick += f"<br>{second(line)}"
            if row["step"] > 1 and (took := _took(row)):
                tick += f"<br>{second(f'median {took}')}"
        ticks.append(tick)
    return ticks


def _under(row: dict[str, Any]) -> str:
    return f"{percent(row['step_share'])} of step {row['step'] - 1}"


def _sentence(counts: pl.DataFrame | None, unit: str) -> str:
    if counts is None or counts.is_empty():
        return ""
    users, share = counts["users"][0], counts["share"][-1]
    return plain(f"{percent(share)} of {count(users)} {unit} convert") if users else ""
