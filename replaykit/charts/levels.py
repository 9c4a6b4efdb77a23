"""Journeys step by step: equal events of a step are one node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import plotly.graph_objects as go

from replaykit.charts.journeys import (
    FLOW,
    HOVER_LINK,
    HOVER_NODE,
    Node,
    chart_gap,
    chart_height,
    hover_link,
    hover_node,
    named_nodes,
    node_colour,
    seen_through,
    told_node,
    tree_nodes,
)
from replaykit.charts.labels import percent
from replaykit.charts.look import drawing
from replaykit.points import level_key

if TYPE_CHECKING:
    import polars as pl

_LAST: Final = {"event": 0, "other": 1, "dropped": 2}


def journeys_levels_chart(
    table: pl.DataFrame,
    *,
    title: str = "Journeys",
    note: str = "",
    unit: str = "users",
    backward: bool = False,
) -> go.Figure:
    """Draw a journey tree with equal events of a step joined, whatever came before.

    Takes what `journeys_tree_chart` takes.

    Examples
    --------
    >>> import polars as pl
    >>> table = pl.DataFrame(
    ...     {
    ...         "node": ["1", "1.1", "1.2"],
    ...         "path": [["Search"], ["Search", "Buy"], ["Search", "dropped"]],
    ...         "step": [1, 2, 2],
    ...         "event": ["Search", "Buy", "dropped"],
    ...         "kind": ["event", "event", "dropped"],
    ...         "users": [10, 4, 6],
    ...         "share": [1.0, 0.4, 0.6],
    ...     }
    ... )
    >>> journeys_levels_chart(table).data[0].node.customdata
    ('journey|@1.Search', 'journey|@2.Buy', 'journey|@2.dropped')
    """
    tree = tree_nodes(table)
    kinds: dict[tuple[int, str], set[str]] = {}
    for node in tree:
        kinds.setdefault((node.level, node.event), set()).add(node.kind)
    joined: dict[tuple[int, str, str], Node] = {}
    for node in tree:
        at = (node.level, node.event, node.kind)
        before = joined.get(at)
        # An event may be called as the other events are.
        told = node.kind if len(kinds[node.level, node.event]) > 1 else None
        key = str(level_key(node.level + 1, node.event, told))
        joined[at] = node._replace(
            key=key,
            parent=None,
            users=node.users + (before.users if before else 0),
            share=node.share + (before.share if before else 0.0),
        )
    order = sorted(
        joined,
        key=lambda at: (at[0], _LAST.get(at[2], 0), -joined[at].users, at[1]),
    )
    nodes = [joined[at] for at in order]
    position = {at: place for place, at in enumerate(order)}
    bands: dict[tuple[int, int], int] = {}
    for node in tree:
        if node.parent is None:
            continue
        above = tree[node.parent]
        ends = (
            position[above.level, above.event, above.kind],
            position[node.level, node.event, node.kind],
        )
        bands[ends] = bands.get(ends, 0) + node.users
    links = sorted(bands)
    height = chart_height(nodes)
    columns = max((node.level for node in nodes), default=0) + 1
    inner = height - 72
    gap = chart_gap(nodes, inner)
    x, y = _places(nodes, inner, gap, backward=backward)
    total = max((node.users for node in nodes), default=1)
    flow = go.Sankey(
        **FLOW,
        node={
            "label": named_nodes(nodes, [inner * at for at in y]),
            "customdata": [node.key for node in nodes],
            "x": x,
            "y": y,
            "color": [node_colour(node.series) for node in nodes],
            "align": "right" if backward else "left",
            "pad": gap,
            "thickness": 14,
            "line": {"width": 0},
            "hovertemplate": HOVER_NODE,
        },
        link={
            "target" if backward else "source": [one for one, _ in links],
            "source" if backward else "target": [two for _, two in links],
            "value": [bands[ends] for ends in links],
            "customdata": [nodes[two].key for _, two in links],
            "color": [seen_through(node_colour(nodes[two].series)) for _, two in links],
            "label": [percent(bands[ends] / total) for ends in links],
            "hovertemplate": HOVER_LINK,
        },
        meta={
            "role": "flow",
            "nodes": [node.series for node in nodes],
            "links": [nodes[two].series for _, two in links],
            "told": [told_node(node, unit) for node in nodes],
            "node_hovers": [hover_node(node, unit) for node in nodes],
            "link_hovers": [
                hover_link(nodes[one], nodes[two], bands[one, two])
                for one, two in links
            ],
        },
    )
    return drawing(
        [flow],
        title=title,
        note=note,
        height=height,
        min_width=max(320, 150 * columns),
        margin={"t": 56, "b": 16, "l": 16, "r": 16},
    )


def _places(
    nodes: list[Node], height: float, gap: float, *, backward: bool
) -> tuple[list[float], list[float]]:
    """Stack the nodes of every step from the top, in their order."""
    levels = [node.level for node in nodes]
    last = max(levels, default=0)
    fullest = max((levels.count(level) for level in set(levels)), default=1)
    total = max(
        (sum(n.users for n in nodes if n.level == level) for level in set(levels)),
        default=1,
    )
    scale = max(1.0, height - (fullest - 1) * gap) / max(1, total)
    floor: dict[int, float] = {}
    x, y = [], []
    for node in nodes:
        top = floor.get(node.level, 0.0)
        size = node.users * scale
        floor[node.level] = top + size + gap
        across = 0.01 + 0.98 * (node.level / last if last else 0)
        x.append(1 - across if backward else across)
        y.append(min(0.999, max(0.001, (top + size / 2) / height)))
    return x, y
