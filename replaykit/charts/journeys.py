"""Journeys as flowing bands, one column per step, or as nested tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import plotly.graph_objects as go

from replaykit.charts.labels import count, label, percent
from replaykit.charts.look import NAMED, QUIET, SOLID_QUIET, colour, drawing, legible
from replaykit.charts.tree import place
from replaykit.points import JourneyKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

_GAP: Final = 16
_MARGIN: Final = {"t": 56, "b": 16, "l": 16, "r": 16}
_NODE_WIDTH: Final = 14
_MOST: Final = 900
#: Place of a kind that is no event: drawn in grey.
_NO_SERIES: Final = -1
#: Text that does not fit its tile is told on hover.
_LEGIBLE: Final = {"minsize": 10, "mode": "hide"}
_NAMES: Final = {"other": "other events", "dropped": "no further event"}


class Node(NamedTuple):
    """A node of the tree, with the position of its parent."""

    key: str
    parent: int | None
    level: int
    event: str
    kind: str
    users: int
    share: float
    series: int


#: More nodes than this crowd a tree; those under this share of all paths are thin.
_FEW: Final = 16
_THIN: Final = 0.01
#: Names nearer to each other than this would touch.
_LINE: Final = 13
#: From so many columns on, the names of the last two share the room between them.
_NARROW: Final = 4


def journeys_tree_chart(
    table: pl.DataFrame,
    *,
    title: str = "Journeys",
    note: str = "",
    unit: str = "users",
    backward: bool = False,
) -> go.Figure:
    """Draw a journey tree as bands that flow from step to step.

    Every column is one step, its nodes in the order of the table and beside their
    parents; the same event has the same colour everywhere. The bands of a node add up
    to it, because who stopped there is a node too.

    Parameters
    ----------
    table
        Columns `node` (its id), `path` (labels from the anchor to it), `step`, `event`,
        `kind` (`event`, `other` or `dropped`), `users`, `share`; `parent` (the id of
        the node before) where known. Parents come before their children.
    title, note
        Plain text above the chart.
    unit
        What is counted.
    backward
        True if the tree reads towards the past: its anchor then stands on the right.

    Examples
    --------
    >>> import polars as pl
    >>> table = pl.DataFrame(
    ...     {
    ...         "node": ["1", "1.1", "1.2"],
    ...         "path": [["Search"], ["Search", "Buy"], ["Search", "dropped"]],
    ...         "step": [0, 1, 1],
    ...         "event": ["Search", "Buy", "dropped"],
    ...         "kind": ["event", "event", "dropped"],
    ...         "users": [10, 4, 6],
    ...         "share": [1.0, 0.4, 0.6],
    ...     }
    ... )
    >>> bands = journeys_tree_chart(table).data[0]
    >>> bands.node.customdata, bands.link.value
    (('journey|1', 'journey|1.1', 'journey|1.2'), (4, 6))
    """
    nodes = tree_nodes(table)
    height = chart_height(nodes)
    inner = height - _MARGIN["t"] - _MARGIN["b"]
    gap = chart_gap(nodes, inner)
    places = place(
        [node.parent for node in nodes],
        [node.level for node in nodes],
        [node.users for node in nodes],
        height=inner,
        gap=gap,
    )
    named = named_nodes(nodes, [inner * at.y for at in places])
    ends = [node for node in nodes if node.parent is not None]
    position = {node.key: at for at, node in enumerate(nodes)}
    columns = max((node.level for node in nodes), default=0) + 1
    bands = go.Sankey(
        **FLOW,
        node={
            "label": named,
            "customdata": [node.key for node in nodes],
            "x": [1 - at.x if backward else at.x for at in places],
            "y": [at.y for at in places],
            "color": [node_colour(node.series) for node in nodes],
            "align": "right" if backward else "left",
            "sort": "input",
            "pad": gap,
            "thickness": _NODE_WIDTH,
            "line": {"width": 0},
            "hovertemplate": HOVER_NODE,
        },
        link={
            "target" if backward else "source": [node.parent for node in ends],
            "source" if backward else "target": [position[node.key] for node in ends],
            "value": [node.users for node in ends],
            "sort": "input",
            "customdata": [node.key for node in ends],
            "color": [seen_through(node_colour(node.series)) for node in ends],
            "label": [percent(node.share) for node in ends],
            "hovertemplate": HOVER_LINK,
        },
        meta={
            "role": "flow",
            "nodes": [node.series for node in nodes],
            "links": [node.series for node in ends],
            "told": [told_node(node, unit) for node in nodes],
            "node_hovers": [hover_node(node, unit) for node in nodes],
            "link_hovers": [
                hover_link(nodes[node.parent or 0], node, node.users) for node in ends
            ],
        },
    )
    return drawing(
        [bands],
        title=title,
        note=note,
        height=height,
        min_width=max(320, 150 * columns),
        margin=_MARGIN,
    )


def journeys_icicle_chart(
    table: pl.DataFrame, *, title: str = "Journeys", note: str = "", unit: str = "users"
) -> go.Figure:
    """Draw a journey tree as rows of tiles: a tile's width is its users.

    Takes what `journeys_tree_chart` takes.
    """
    tiles = go.Icicle(**_tiles(tree_nodes(table), unit), tiling={"orientation": "h"})
    return drawing(
        [tiles],
        title=title,
        note=note,
        height=420,
        margin=_MARGIN,
        uniformtext=_LEGIBLE,
    )


def journeys_sunburst_chart(
    table: pl.DataFrame, *, title: str = "Journeys", note: str = "", unit: str = "users"
) -> go.Figure:
    """Draw a journey tree as rings: the anchor inside, an arc's angle is its users.

    Takes what `journeys_tree_chart` takes.
    """
    tiles = go.Sunburst(**_tiles(tree_nodes(table), unit))
    return drawing(
        [tiles],
        title=title,
        note=note,
        height=460,
        margin=_MARGIN,
        uniformtext=_LEGIBLE,
    )


def tree_nodes(table: pl.DataFrame) -> list[Node]:
    """Return the nodes of a tree table, each with the position of its parent."""
    rows = table.to_dicts()
    places: dict[object, int] = {}
    series: dict[str, int] = {}
    nodes: list[Node] = []
    first = min((row["step"] for row in rows), default=0)
    for at, row in enumerate(rows):
        known = "parent" in row
        places[row["node"] if known else tuple(row["path"])] = at
        above = row["parent"] if known else tuple(row["path"])[:-1]
        if row["kind"] == "event":
            series.setdefault(row["event"], len(series))
        nodes.append(
            Node(
                key=str(JourneyKey(str(row["node"]))),
                parent=places.get(above) if above else None,
                level=row["step"] - first,
                event=row["event"],
                kind=row["kind"],
                users=row["users"],
                share=row["share"],
                series=_series(row, series),
            )
        )
    return nodes


def _series(row: Mapping[str, Any], series: Mapping[str, int]) -> int:
    found = series.get(row["event"], _NO_SERIES)
    return found if row["kind"] == "event" and found < NAMED else _NO_SERIES


def _tiles(nodes: Sequence[Node], unit: str) -> dict[str, Any]:
    colours = [_tile_colour(node.series) for node in nodes]
    text = {"color": [legible(one) for one in colours]}
    return {
        "ids": [node.key for node in nodes],
        "labels": [_name(node, 26) for node in nodes],
        "parents": [
            "" if node.parent is None else nodes[node.parent].key for node in nodes
        ],
        "values": [node.users for node in nodes],
        "branchvalues": "total",
        "leaf": {"opacity": 1},
        "sort": False,
        "customdata": [node.key for node in nodes],
        "text": [f"{count(node.users)} · {percent(node.share)}" for node in nodes],
        "textinfo": "label+text",
        # Text on a tile, not on the page; that of the root is "outside" to plotly.
        "insidetextfont": text,
        "outsidetextfont": text,
        "root": {"color": colours[0] if colours else SOLID_QUIET},
        "hovertext": [told_node(node, unit) for node in nodes],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {
            "colors": colours,
            "line": {"width": 1},
        },
        "meta": {"role": "tiles", "nodes": [node.series for node in nodes]},
    }


def _tile_colour(series: int) -> str:
    """Return a colour that lets no page through, so that its text can be read."""
    return SOLID_QUIET if series == _NO_SERIES else colour(series)


def _name(node: Node, width: int) -> str:
    return label(_NAMES.get(node.kind, node.event), width)


def named_nodes(nodes: Sequence[Node], heights: Sequence[float]) -> list[str]:
    """Name the nodes beside their bars, where the names do not touch; "" elsewhere.

    The larger of two neighbours is named. The names of the last column stand on its
    left, where those of the column before it end; what is not named is told on hover.
    """
    last = max((node.level for node in nodes), default=0)
    width = 22 if last < _NARROW else 16
    names = [""] * len(nodes)
    taken: dict[int, list[float]] = {}
    for at in sorted(range(len(nodes)), key=lambda at: -nodes[at].users):
        node, height = nodes[at], heights[at]
        if len(nodes) > _FEW and node.share < _THIN:
            break
        # One room for the last two columns, if they are narrow.
        room = last - 1 if last + 1 >= _NARROW and node.level == last else node.level
        if all(abs(height - other) >= _LINE for other in taken.get(room, [])):
            taken.setdefault(room, []).append(height)
            names[at] = f"{_name(node, width)} · {count(node.users)}"
    return names


def hover_node(node: Node, unit: str) -> str:
    """Return the hover text of a node, as a template without variables."""
    return _plain_template(told_node(node, unit))


def hover_link(above: Node, node: Node, users: int) -> str:
    """Return the hover text of a band, as a template without variables."""
    told = f"{_name(above, 60)}<br>then {_name(node, 60)} · {count(users)}"
    return _plain_template(told)


def _plain_template(text: str) -> str:
    """Return text as a hover template; a name may look like one of its variables."""
    return text.replace("%{", "%&#123;") + "<extra></extra>"


#: Plotly knows one hover text for all nodes and one for all bands. The widget draws the
#: fuller ones of `meta`, with the names that would touch in the drawing.
HOVER_NODE: Final = "%{label}<br>%{value:,}<extra></extra>"
HOVER_LINK: Final = (
    "%{source.label}<br>then %{target.label} · %{value:,}<extra></extra>"
)

#: What flows have in common: nodes stay where they are put.
FLOW: Final = {"arrangement": "fixed", "textfont": {"size": 11}}


def told_node(node: Node, unit: str) -> str:
    """Say what the hover text of a node says."""
    return (
        f"<b>{_name(node, 60)}</b><br>{count(node.users)} {unit} · "
        f"{percent(node.share)} · step {node.level + 1}"
    )


def node_colour(series: int) -> str:
    """Return the colour of an event by its place, grey for what is no event."""
    return QUIET if series == _NO_SERIES else colour(series)


def seen_through(shade: str) -> str:
    """Return a colour as bands have it."""
    if not shade.startswith("#"):
        return "rgba(128,128,128,0.2)"
    red, green, blue = (int(shade[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.28)"


def chart_gap(nodes: Sequence[Node], height: float) -> float:
    """Return the gap between nodes that leaves most of a full column to the nodes."""
    levels = [node.level for node in nodes]
    fullest = max((levels.count(level) for level in set(levels)), default=1)
    return min(float(_GAP), 0.4 * height / max(1, fullest - 1))


def chart_height(nodes: Sequence[Node]) -> int:
    """Return a height in which the fullest column has room."""
    levels = [node.level for node in nodes]
    fullest = max((levels.count(level) for level in set(levels)), default=1)
    return max(320, min(_MOST, 120 + fullest * (_GAP + 14)))
