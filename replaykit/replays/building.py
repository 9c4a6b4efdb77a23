"""Turn a serialised tree into linked nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from replaykit.replays.mirror import Mirror
from replaykit.replays.nodes import ELEMENT, PLAYERS, Node
from replaykit.replays.texts import HOLDERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from replaykit.replays.pieces import Pieces

#: Cleans the children of an element of this name, in place.
Cleaner: TypeAlias = "Callable[[str, list[dict[str, Any]]], None]"

#: Deeper pages overflow the Replayer's recursion (measured: at 2,000 to 5,000).
MAX_DEPTH: Final = 2_000


@dataclass(eq=False)
class Built:
    """A tree: its top, its nodes by id, how many they are, and what plays in it."""

    top: Node
    #: A `Mirror` where some of them sleep.
    nodes: dict[int, Node]
    count: int
    players: list[Node]
    #: Nodes nested too deeply, which are left out.
    lost: int


def build(  # noqa: C901, PLR0912, PLR0915 - one loop, no calls
    serialised: dict[str, Any],
    clean: Cleaner | None = None,
    pieces: Pieces | None = None,
) -> Built:
    """Build a serialised node with all its children, without recursion.

    `clean` is given the name of each node that holds others, in lower case, and the
    serialised children, before they are looked at: while they are at hand, as a second
    walk over a large page costs half as much as building it. `pieces` has the parts
    that stand in it as numbers.

    As soon as nodes are made, the links hold them, and the data no longer do.

    Examples
    --------
    >>> text = {"id": 2, "type": 3, "textContent": "Hi"}
    >>> body = {"id": 1, "type": 2, "tagName": "body", "childNodes": [text]}
    >>> tree = build(body)
    >>> tree.top.first is tree.nodes[2], "childNodes" in body
    (True, False)
    """
    top = Node(serialised)
    mirror = Mirror()
    nodes: dict[int, Node] = mirror if pieces is not None else {}
    nodes[top.id] = top
    players: list[Node] = []
    count, lost = 1, 0
    stack = [(top, 1)]
    while stack:
        parent, depth = stack.pop()
        children = parent.data.pop("childNodes", None)
        if not children:
            continue
        if depth > MAX_DEPTH:
            lost += len(children)
            continue
        if pieces is None:
            if clean is not None:
                clean(parent.tag, children)
        else:
            children = pieces.opened(parent.tag, children, mirror)
            if clean is not None:
                clean(parent.tag, [one for one in children if type(one) is dict])
        count += len(children)
        last: Node | None = None
        for data in children:
            if type(data) is dict:
                node = Node(data)
                if "childNodes" in data:
                    # The Replayer builds, and a text tells of, what is in these alone.
                    holds = node.type in HOLDERS and node.tag != "iframe"
                    if holds and data["childNodes"]:
                        stack.append((node, depth + 1))
                    else:
                        del data["childNodes"]
                if node.tag in PLAYERS:
                    players.append(node)
                if "isShadow" in data and data["isShadow"] and parent.type == ELEMENT:
                    parent.shadow_root().insert(node, None)
                    nodes[node.id] = node
                    continue
            else:
                node = data
            nodes[node.id] = node
            node.parent = parent  # as `insert` does; nothing of a new parent is written
            if last is None:
                parent.first = node
            else:
                node.prev = last
                last.next = node
            last = node
        parent.last = last
    count += 0 if pieces is None else pieces.below
    if len(nodes) != count or not nodes.keys().isdisjoint(mirror.asleep):
        # Ids that several nodes have: in rrweb's mirror the last one stays.
        mirror.awaken()
        nodes.update((node.id, node) for node in top.subtree())
    return Built(top, nodes, count, players, lost)
