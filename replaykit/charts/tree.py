"""Where the nodes of a tree stand when its levels are columns of flowing bands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


_EDGE: Final = 0.01


class Placed(NamedTuple):
    """The centre of a node, in shares of the drawing."""

    x: float
    y: float


def place(
    parents: Sequence[int | None],
    levels: Sequence[int],
    sizes: Sequence[float],
    *,
    height: float,
    gap: float,
) -> list[Placed]:
    """Put every node in the column of its level, beside its parent where there is room.

    The order inside a column is the order given, so siblings stay together and bands
    never cross when parents come before their children and in the same order.

    Parameters
    ----------
    parents
        For each node the position of its parent, or `None` for a root.
    levels
        The column of each node, from 0.
    sizes
        What its height stands for.
    height, gap
        Of the drawing and between two nodes, in pixels.

    Examples
    --------
    >>> [round(node.y, 2) for node in place([None, 0, 0], [0, 1, 1], [4, 3, 1],
    ...     height=100, gap=20)]
    [0.4, 0.3, 0.9]
    """
    columns: dict[int, list[int]] = {}
    for node, level in enumerate(levels):
        columns.setdefault(level, []).append(node)
    scale = _scale(list(columns.values()), sizes, height, gap)
    tops = [0.0] * len(sizes)
    filled = [0.0] * len(sizes)  # how much of a parent's height its children took
    for level in sorted(columns):
        nodes = columns[level]
        floor = 0.0
        for node in nodes:
            parent = parents[node]
            wish = 0.0 if parent is None else tops[parent] + filled[parent]
            if parent is not None:
                filled[parent] += sizes[node] * scale
            tops[node] = max(floor, wish)
            floor = tops[node] + sizes[node] * scale + gap
        # Whatever ran over the lower edge moves up, as one block if need be.
        edge = height
        for node in reversed(nodes):
            tops[node] = max(0.0, min(tops[node], edge - sizes[node] * scale))
            edge = tops[node] - gap
    last = max(columns, default=0)
    return [
        Placed(
            # Centres: a little inside, so that the outer nodes are drawn whole. At 0
            # and 1 plotly would take them for not given.
            x=_EDGE + (1 - 2 * _EDGE) * (level / last if last else 0),
            y=min(0.999, max(0.001, (top + size * scale / 2) / height)),
        )
        for top, size, level in zip(tops, sizes, levels, strict=True)
    ]


def _scale(
    columns: Sequence[Sequence[int]],
    sizes: Sequence[float],
    height: float,
    gap: float,
) -> float:
    """Return pixels per unit so that the fullest column just fits, as plotly does."""
    fits = []
    for nodes in columns:
        total = sum(sizes[node] for node in nodes)
        if total > 0:
            fits.append(max(1.0, height - (len(nodes) - 1) * gap) / total)
    return min(fits, default=1.0)
