"""One look for every chart: colours, template and the frame around the marks.

A chart stands in a plain notebook on a light or a dark page, so its paper is
transparent, its text and grid are neutral greys, and each series colour has at least
3:1 against white and against the dark page. Our own widget recolours it with the
host's tokens; it finds what to colour by the `meta` of each trace.
"""

from __future__ import annotations

from functools import cache
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import plotly.graph_objects as go

from replaykit.charts.labels import length, plain, second

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Series colours in the order of use; `--rk-series-1…6` of the widgets, light.
#: Any two differ under the three kinds of colour blindness; shapes differ as well.
SERIES: Final = ("#3b6fb6", "#c2700e", "#09a378", "#a8568e", "#e02f4b", "#7296c5")
SYMBOLS: Final = ("circle", "square", "diamond", "triangle-up", "x", "star")
DASHES: Final = ("solid", "dash")
#: Series that get a colour and a line in the legend; the rest is drawn in grey.
NAMED: Final = len(SERIES) * len(DASHES)

QUIET: Final = "rgba(128,128,128,0.45)"
#: The same where text stands on it, whatever the page.
SOLID_QUIET: Final = "#b8b8b8"
TEXT: Final = "#7a7a7a"
#: Text on coloured ground (`legible`).
DARK_TEXT: Final = "#161616"
LIGHT_TEXT: Final = "#ffffff"
GRID: Final = "rgba(128,128,128,0.25)"
FONT: Final = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
HEIGHT: Final = 320
_STEPS_S: Final = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 14400, 21600, 43200, 86400, 172_800, 432_000, 864_000),
    *(2_592_000, 5_184_000),
)
_TOP: Final = 56
_TITLE: Final = 40


@cache
def template() -> go.layout.Template:
    """Return the look of all charts; plotly takes its time to make the first."""
    return go.layout.Template(
        layout={
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": list(SERIES),
            "font": {"family": FONT, "size": 12, "color": TEXT},
            "title": {
                "font": {"size": 13},
                "x": 0,
                "xref": "container",
                "xanchor": "left",
                "pad": {"l": 12, "t": 12},
                "y": 1,
                "yanchor": "top",
            },
            "margin": {"l": 56, "r": 16, "t": _TOP, "b": 40},
            "hovermode": "closest",
            "hoverlabel": {"align": "left", "font": {"size": 12, "family": FONT}},
            "legend": {
                "orientation": "h",
                "x": 0,
                "xanchor": "left",
                "y": 1.02,
                "yanchor": "bottom",
                "font": {"size": 12},
                "tracegroupgap": 0,
            },
            "xaxis": {
                "showgrid": False,
                "zeroline": False,
                "showline": True,
                "linecolor": GRID,
                "ticks": "",
                "automargin": True,
                "fixedrange": False,
            },
            "yaxis": {
                "gridcolor": GRID,
                "zeroline": False,
                "rangemode": "tozero",
                "ticks": "outside",
                "ticklen": 5,
                "tickcolor": "rgba(0,0,0,0)",
                "automargin": True,
                "nticks": 6,
                "fixedrange": True,
            },
            "bargap": 0.4,
        }
    )


def drawing(
    traces: Sequence[Any],
    *,
    title: str,
    note: str = "",
    height: int = HEIGHT,
    min_width: int = 320,
    **layout: Any,
) -> go.Figure:
    """Return a figure in our look.

    Parameters
    ----------
    traces
        What is drawn.
    title, note
        Plain text: what the chart shows, and the one sentence it says. The widget
        draws both itself and takes them out of the figure.
    height
        Fixed, so that nothing jumps while data arrive.
    min_width
        Below this width the widget scrolls the chart sideways.
    layout
        What differs from the template.
    """
    shown = {
        "text": plain(title),
        **({"subtitle": {"text": second(plain(note))}} if note else {}),
    }
    return go.Figure(
        data=list(traces),
        layout=go.Layout(
            template=template(),
            title=shown,
            height=height,
            meta={
                "title": title,
                "note": note,
                "min_width": min_width,
                # The upper margin that is left when the title stands elsewhere.
                "top": layout.get("margin", {}).get("t", _TOP) - _TITLE,
            },
            **layout,
        ),
    )


def legible(ground: str) -> str:
    """Return the colour of text on a ground, the one with more contrast.

    Examples
    --------
    >>> legible("#3b6fb6"), legible("#09a378")
    ('#ffffff', '#161616')
    """
    return max((LIGHT_TEXT, DARK_TEXT), key=lambda text: contrast(text, ground))


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours (`#rrggbb`), from 1 to 21, as WCAG 2 has it.

    Examples
    --------
    >>> round(contrast("#ffffff", "#000000"))
    21
    """
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(shade: str) -> float:
    found = 0.0
    for at, weight in ((1, 0.2126), (3, 0.7152), (5, 0.0722)):
        part = int(shade[at : at + 2], 16) / 255
        found += weight * (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        )
    return found


def colour(series: int) -> str:
    """Return the colour of a series by its place; grey beyond the named ones."""
    return SERIES[series % len(SERIES)] if series < NAMED else QUIET


def seconds_axis(most: float) -> dict[str, Any]:
    """Return the value axis of lengths of time: ticks at whole seconds, minutes, hours.

    Examples
    --------
    >>> seconds_axis(700)["ticktext"]
    ['0', '2 min', '4 min', '6 min', '8 min', '10 min', '12 min']
    """
    step = next((step for step in _STEPS_S if most / step <= 6), _STEPS_S[-1])
    ticks = [step * place for place in range(ceil(most / step) + 1)]
    return {
        "tickvals": ticks,
        "ticktext": [length(tick) if tick else "0" for tick in ticks],
    }


def legend(series: int) -> dict[str, Any]:
    """Return the legend for a number of series: none, a row, or a scrolling column."""
    if series <= 1:
        return {"showlegend": False}
    if series <= len(SERIES):
        return {"showlegend": True}
    column = {"orientation": "v", "x": 1.01, "y": 1, "yanchor": "top"}
    return {"showlegend": True, "legend": column}


def beyond(series: int) -> str:
    """Say that not every series has its own colour."""
    if series <= NAMED:
        return ""
    return f"first {NAMED} of {series:,} series in colour"
