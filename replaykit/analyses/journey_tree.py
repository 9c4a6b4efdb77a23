"""Grow a tree from paths: every prefix of labels is a node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np
import polars as pl

from replaykit.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from polars._typing import PolarsDataType

    from replaykit.analyses.journey_paths import Paths

NodeKind: TypeAlias = Literal["event", "other", "dropped"]
"""What a node of a tree is: an event, the events beyond those shown, or who went no
further. Only events grow on; a name such as `Other` may be that of an event, too."""

NODE_KINDS: Final[tuple[NodeKind, ...]] = ("event", "other", "dropped")

OTHER: Final = "Other"
DROPPED: Final = "Dropped off"
NOTHING_BEFORE: Final = "Did not perform an event"

_SCHEMA: Final[dict[str, PolarsDataType]] = {
    "node": pl.String,
    "parent": pl.String,
    "step": pl.Int64,
    "path": pl.List(pl.String),
    "event": pl.String,
    "kind": pl.String,
    "users": pl.Int64,
    "share": pl.Float64,
}


@dataclass(frozen=True, eq=False)
class Node:
    """A node and the paths that run through it."""

    step: int
    path: tuple[str, ...]
    kind: NodeKind
    members: NDArray[np.int64]


def grow(
    found: Paths, *, depth: int | None, top: int | None, below: float | None
) -> tuple[pl.DataFrame, dict[str, Node]]:
    """Return the tree as a table, and its nodes by id.

    Children stand in order of their paths, ties by label, then "Other", then
    "Dropped off". Only the children of events grow on.
    """
    if depth is not None and depth < 1:
        raise BadInput(f"depth={depth!r}: a tree shows at least one step.")
    if top is not None and top < 1:
        raise BadInput(f"top={top!r}: at least one child per step is shown.")
    if below is not None and not 0 <= below < 1:
        raise BadInput(
            f"below={below!r} is a share of all paths, from 0 to 1: write 0.01 for 1 %."
        )
    nodes: dict[str, Node] = {}
    parents: dict[str, str | None] = {}
    everyone = np.arange(found.size)
    growing: list[tuple[str | None, tuple[str, ...], NDArray[np.int64]]]
    growing = [(None, (), everyone)] if found.size else []
    step = 0
    while growing and (depth is None or step < depth):
        place = found.node_at(step)
        code = np.where(place >= 0, found.code[place], -1)
        following: list[tuple[str | None, tuple[str, ...], NDArray[np.int64]]] = []
        for parent, path, members in growing:
            children = _children(found, members, code[members], top=top, below=below)
            for number, (label, kind, inside) in enumerate(children):
                name = str(number) if parent is None else f"{parent}.{number}"
                nodes[name] = Node(step + 1, (*path, label), kind, inside)
                parents[name] = parent
                if kind == "event":
                    following.append((name, (*path, label), inside))
        growing = following
        step += 1
    lines = [
        (
            name,
            parents[name],
            node.step,
            list(node.path),
            node.path[-1],
            node.kind,
            len(node.members),
            len(node.members) / found.size,
        )
        for name, node in nodes.items()
    ]
    return pl.DataFrame(lines, schema=_SCHEMA, orient="row"), nodes


def _children(
    found: Paths,
    members: NDArray[np.int64],
    code: NDArray[np.int32],
    *,
    top: int | None,
    below: float | None,
) -> list[tuple[str, NodeKind, NDArray[np.int64]]]:
    order = np.argsort(code, kind="stable")
    codes, begins, counts = np.unique(
        code[order], return_index=True, return_counts=True
    )
    groups = np.split(members[order], begins[1:])
    # Codes follow the labels' order, so a stable sort breaks ties by label.
    ranked = [
        (codes[i], groups[i])
        for i in np.argsort(-counts, kind="stable")
        if codes[i] >= 0
    ]
    least = 0.0 if below is None else below * found.size
    limit = len(ranked) if top is None else top
    shown = [
        number < limit and len(inside) >= least
        for number, (_, inside) in enumerate(ranked)
    ]
    children: list[tuple[str, NodeKind, NDArray[np.int64]]] = [
        (found.labels[which], "event", inside)
        for keep, (which, inside) in zip(shown, ranked, strict=True)
        if keep
    ]
    rest = [inside for keep, (_, inside) in zip(shown, ranked, strict=True) if not keep]
    if rest:
        children.append((OTHER, "other", np.sort(np.concatenate(rest))))
    if len(codes) and codes[0] < 0:
        # A path that reached its end event did not drop off.
        gone = groups[0][~found.ended[groups[0]]]
        if len(gone):
            label = DROPPED if found.plan.forward else NOTHING_BEFORE
            children.append((label, "dropped", gone))
    return children
