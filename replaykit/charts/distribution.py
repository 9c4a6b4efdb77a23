"""Bars over buckets: how many users or sessions have so many, last so long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import plotly.graph_objects as go

from replaykit.charts.labels import count, group_of, joined, label
from replaykit.charts.look import beyond, colour, drawing, legend

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

    from replaykit.points import Group

#: In a key: the whole range instead of one interval.
WHOLE: Final = -1
BUCKET: Final = "bucket"


def distribution(
    table: pl.DataFrame,
    *,
    by: Sequence[str],
    key: Callable[[Group], str],
    title: str,
    note: str,
    unit: str,
) -> go.Figure:
    """Draw a table of buckets as bars, one colour per group.

    Parameters
    ----------
    table
        Columns `bucket`, those of `by`, `value`.
    by
        The columns of a key in their order, `bucket` among them.
    key
        Names a bar from its labels.
    title, note
        Plain text above the chart.
    unit
        What a value counts.
    """
    own = [name for name in by if name != BUCKET]
    parts = table.partition_by(own, maintain_order=True) if own else [table]
    several = len(parts) > 1
    traces = []
    for place, part in enumerate(parts):
        name = joined(group_of(part, own)) if own else ""
        rows = part.to_dicts()
        traces.append(
            go.Bar(
                x=[label(row[BUCKET]) for row in rows],
                y=part["value"].to_list(),
                name=name,
                legendgroup=str(place),
                customdata=[
                    key(
                        tuple(None if row[one] is None else str(row[one]) for one in by)
                    )
                    for row in rows
                ],
                hovertext=[
                    "<br>".join(
                        filter(
                            None,
                            [
                                name if several else "",
                                label(row[BUCKET]),
                                f"{count(row['value'] or 0)} {unit}",
                            ],
                        )
                    )
                    for row in rows
                ],
                hovertemplate="%{hovertext}<extra></extra>",
                marker={"color": colour(place), "line": {"width": 0}},
                meta={"series": place, "role": "reached"},
            )
        )
    return drawing(
        traces,
        title=title,
        note=" · ".join(filter(None, [note, beyond(len(parts))])),
        barmode="group",
        bargap=0.25,
        margin={"t": 84 if several else 56},
        xaxis={"type": "category", "fixedrange": True},
        **legend(len(parts)),
    )
