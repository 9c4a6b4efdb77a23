"""Lines over time: what segmentation and sessions have in common."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import polars as pl

from replaykit.charts.labels import length
from replaykit.charts.look import (
    DASHES,
    NAMED,
    SERIES,
    SYMBOLS,
    TEXT,
    beyond,
    colour,
    drawing,
    legend,
    seconds_axis,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

#: How a bucket is named, by the unit of the interval (d3 time format).
_NAMES: Final = {
    "m": "%a %-d %b %Y, %H:%M",
    "h": "%a %-d %b %Y, %H:%M",
    "d": "%a %-d %b %Y",
    "w": "week of %-d %b %Y",
    "mo": "%B %Y",
    "q": "quarter from %-d %b %Y",
    "y": "%Y",
}
#: Dates on the axis: day before month, the coarser unit once per line.
_DATES: Final = (
    {"dtickrange": [None, 86_399_999], "value": "%H:%M\n%-d %b"},
    {"dtickrange": [86_400_000, "M1"], "value": "%-d %b\n%Y"},
    {"dtickrange": ["M1", "M12"], "value": "%b\n%Y"},
    {"dtickrange": ["M12", None], "value": "%Y"},
)
_UNITS: Final = {
    "m": "minutes",
    "h": "hours",
    "d": "days",
    "w": "weeks",
    "mo": "months",
    "q": "quarters",
    "y": "years",
}
#: From here on the axis says 10k.
_LARGE: Final = 10_000
#: More points than this are drawn with small markers.
_DENSE: Final = 62
#: About so many moments are named where the clocks change.
_TICKS: Final = 8


class Series(NamedTuple):
    """One line: its name (safe for plotly), its points, and the key of each.

    `past` are the values of an earlier range, aligned by position; they have no keys.
    `moments` name the buckets where the clocks change among them: plotly knows no
    zones, so `x` then is a clock that does not change.
    """

    name: str
    x: list[str]
    values: list[float | None]
    incomplete: list[bool]
    keys: list[str]
    past: list[float | None] | None = None
    moments: list[str] | None = None


def interval_words(every: str) -> str:
    """Say "per day" for "1d", "per 15 minutes" for "15m".

    Examples
    --------
    >>> interval_words("1d"), interval_words("15m")
    ('per day', 'per 15 minutes')
    """
    number = every.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = _UNITS.get(every[len(number) :], every[len(number) :])
    return f"per {unit.removesuffix('s')}" if number == "1" else f"per {number} {unit}"


def trend(
    lines: Sequence[Series],
    *,
    title: str,
    note: str,
    every: str,
    unit: str,
    counts: bool = False,
    seconds: bool = False,
) -> go.Figure:
    """Draw series over time; a bucket that is not over yet is reached by a dotted line.

    Parameters
    ----------
    lines
        The series, in the order of their colours.
    title, note
        Plain text above the chart.
    every
        The interval, for the names of the buckets.
    unit
        What a value counts, in the hover text; one that starts with "%" also stands on
        the axis.
    counts
        True if values are whole numbers.
    seconds
        True if values are lengths of time in seconds.
    """
    number = "%{text}" if seconds else "%{y:,d}" if counts else "%{y:,.4~r}"
    moment = _NAMES.get(every.lstrip("0123456789"), "%a %-d %b %Y")
    changes = any(line.moments for line in lines)
    when = "%{hovertext}" if changes else f"%{{x|{moment}}}"
    hover = f"%{{fullData.name}}<br>{when}<br>{number} {unit}".rstrip()
    traces = []
    for place, line in enumerate(lines):
        solid = [
            None if open_ else value
            for value, open_ in zip(line.values, line.incomplete, strict=True)
        ]
        text = [length(value or 0) for value in line.values] if seconds else None
        traces.append(_line(line, place, solid, hover) | {"text": text})
        if any(line.incomplete):
            traces.append(_dotted(line, place, hover) | {"text": text})
        if line.past is not None:
            traces.append(_before(line, place, hover))
    several = len(lines) > 1
    most = max((value or 0 for line in lines for value in line.values), default=0)
    return drawing(
        traces,
        title=title,
        note=" · ".join(filter(None, [note, beyond(len(lines))])),
        yaxis=seconds_axis(most)
        if seconds
        else {
            "tickformat": "~s" if most >= _LARGE else ",~r",
            "ticksuffix": " %" if unit.startswith("%") else "",
        },
        margin={"t": 84 if several else 56},
        xaxis=_clock_axis(lines)
        if changes
        else {"hoverformat": moment, "tickformatstops": _DATES},
        **legend(len(lines)),
    )


def clocked(table: pl.DataFrame, every: str = "1d") -> pl.DataFrame:
    """Add `ms` and `x`, the wall clock of `time`; plotly knows no zones.

    Where the clocks change among intervals shorter than a day, `x` keeps the offset of
    the first one and `moment` says the wall clock: an hour that occurs twice then has
    two places, and one that is skipped leaves no gap.
    """
    time = pl.col("time")
    form = "%Y-%m-%dT%H:%M:%S"
    table = table.with_columns(ms=time.dt.epoch("ms"))
    wall = time.dt.replace_time_zone(None)
    zone = getattr(table.schema["time"], "time_zone", None)
    shift = time.dt.base_utc_offset() + time.dt.dst_offset()
    if every[-1] not in "mh" or every.endswith("mo") or zone in {None, "UTC"}:
        return table.with_columns(x=wall.dt.to_string(form))
    offsets = (
        table.select(shift.alias("shift"), "ms")
        .sort("ms")["shift"]
        .unique(maintain_order=True)
    )
    if len(offsets) < 2:
        return table.with_columns(x=wall.dt.to_string(form))
    utc = time.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return table.with_columns(
        x=(utc + offsets[0]).dt.to_string(form),
        moment=time.dt.to_string("%a %-d %b %Y, %H:%M (%:z)"),
    )


def moments_of(part: pl.DataFrame) -> list[str] | None:
    """Return what the buckets of a line are called, where the clocks change."""
    return part["moment"].to_list() if "moment" in part.columns else None


def _clock_axis(lines: Sequence[Series]) -> dict[str, Any]:
    """Name a few moments on the axis by the wall clock, the date where it changes."""
    longest = max(lines, key=lambda line: len(line.x))
    moments = longest.moments or []
    chosen = range(0, len(moments), max(1, ceil(len(moments) / _TICKS)))
    texts, before = [], ""
    for at in chosen:
        date, _, clock = moments[at].partition(", ")
        texts.append(clock[:5] if date == before else f"{clock[:5]}<br>{date[4:-5]}")
        before = date
    return {"tickvals": [longest.x[at] for at in chosen], "ticktext": texts}


def _line(
    line: Series, place: int, y: list[float | None], hover: str
) -> dict[str, Any]:
    """Describe a trace; as plain values, because hundreds of objects take seconds."""
    named = place < NAMED
    dense = len(line.x) > _DENSE
    return {
        "type": "scatter",
        "x": line.x,
        "y": y,
        "name": line.name,
        "legendgroup": str(place),
        "legendrank": place + 1,
        "showlegend": named,
        "customdata": line.keys,
        "hovertext": line.moments,
        "mode": "lines+markers" if named else "lines",
        "line": {
            "color": colour(place),
            "width": 2 if named else 1,
            "dash": DASHES[place // len(SERIES)] if named else "solid",
        },
        "marker": {
            "symbol": SYMBOLS[place % len(SYMBOLS)],
            "size": 3 if dense else 7,
            "color": colour(place),
            "line": {"width": 0},
        },
        "opacity": 1 if named else 0.5,
        # Grey series lie under the coloured ones.
        "zorder": int(named),
        "hovertemplate": f"{hover}<extra></extra>",
        "meta": {"series": place, "role": "line"},
    }


def _before(line: Series, place: int, hover: str) -> dict[str, Any]:
    """Draw the earlier range, dashed and quiet, under the days it is compared with."""
    trace = _line(line, place, line.past or [], f"{hover} before")
    return trace | {
        "customdata": None,
        "line": {"color": TEXT, "dash": "dash", "width": 1.5},
        "mode": "lines",
        "opacity": 0.8,
        "showlegend": False,
        "zorder": 0,
        "meta": {"series": place, "role": "past"},
    }


def _dotted(line: Series, place: int, hover: str) -> dict[str, Any]:
    """Draw the incomplete buckets, joined by dots to the complete ones beside them."""
    last = len(line.x) - 1
    open_ = line.incomplete
    near = [
        open_[i] or (i > 0 and open_[i - 1]) or (i < last and open_[i + 1])
        for i in range(len(line.x))
    ]
    y = [value if mine else None for value, mine in zip(line.values, near, strict=True)]
    trace = _line(line, place, y, hover)
    told = f"{hover}<br>not over yet<extra></extra>"
    return trace | {
        "customdata": [k if o else None for k, o in zip(line.keys, open_, strict=True)],
        "line": trace["line"] | {"dash": "dot"},
        "marker": trace["marker"]
        | {
            "symbol": f"{SYMBOLS[place % len(SYMBOLS)]}-open",
            "opacity": [float(o) for o in open_],
        },
        "mode": "lines+markers",
        "hovertemplate": [told if o else f"{hover}<extra></extra>" for o in open_],
        "hoverinfo": ["text" if o else "skip" for o in open_],
        "showlegend": False,
        "meta": {"series": place, "role": "incomplete"},
    }
