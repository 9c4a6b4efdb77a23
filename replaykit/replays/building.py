"""Turn a serialised tree into linked nodes, and write its small parts on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from replaykit.replays.nodes import ELEMENT, Node
from replaykit.replays.texts import HOLDERS, INSIDE, SMALL, write_whole

#: Deeper pages overflow the Replayer's recursion (measured: at 2,000 to 5,000).
MAX_DEPTH: Final = 2_000
#: Elements that play.
PLAYERS: Final = frozenset({"audio", "video"})

#: Smaller parts are left to be written with what holds them.
_FEW: Final = 4
#: The depth of a node whose children are all built.
_DONE: Final = -1


@dataclass(eq=False)
class Built:
    """A tree: its top, its nodes by id, how many they are, and what plays in it."""

    top: Node
    nodes: dict[int, Node]
    count: int = 1
    players: list[Node] = field(default_factory=list)
    #: Nodes nested too deeply, which are left out.
    lost: int = 0


def build(serialised: dict[str, Any]) -> Built:  # noqa: C901, PLR0912, PLR0915 - one loop, no calls
    """Build a serialised node with all its children, without recursion.

    As long as data hold their children, a small part is written at once (`texts`). Then
    the links hold the children, and the data no longer do.

    Examples
    --------
    >>> text = {"id": 2, "type": 3, "textContent": "Hi"}
    >>> body = {"id": 1, "type": 2, "tagName": "body", "childNodes": [text]}
    >>> tree = build(body)
    >>> tree.top.first is tree.nodes[2], "childNodes" in body
    (True, False)
    """
    top = Node(serialised)
    tree = Built(top, {top.id: top})
    nodes = tree.nodes
    #: Nodes whose data still hold their children, latest last.
    whole: list[Node] = []
    #: The number of the latest node that is not to be written as its data are.
    odd = 0
    stack = [(top, 1, 0, 0)]
    while stack:
        parent, depth, kept, before = stack.pop()
        if depth == _DONE:
            size = tree.count - before
            if size >= _FEW:
                written = size < SMALL and odd <= before and write_whole(parent)
                for node in whole[kept:]:
                    if written:
                        node.text = INSIDE
                    if "childNodes" in node.data:
                        del node.data["childNodes"]
                parent.data.pop("childNodes", None)
                del whole[kept:]
                odd = tree.count  # what holds it has to take its text
            continue
        children = parent.data.get("childNodes")
        before = tree.count
        if depth > MAX_DEPTH:
            tree.lost += len(children or ())
            odd = before + 1
            continue
        stack.append((parent, _DONE, len(whole), before))
        if parent.type not in HOLDERS or type(children) is not list:
            odd = before + 1
        for data in children or ():
            node = Node(data)
            nodes[node.id] = node
            tree.count += 1
            if node.tag == "iframe" or (node.type in HOLDERS) != ("childNodes" in data):
                odd = tree.count
            elif node.tag in PLAYERS:
                tree.players.append(node)
            where = parent
            if data.get("isShadow") and parent.type == ELEMENT:
                where = parent.shadow_root()
                odd = tree.count
            # As `insert` does; nothing of a new parent is written yet.
            node.parent = where
            previous = where.last
            where.last = node
            if previous is None:
                where.first = node
            else:
                node.prev = previous
                previous.next = node
            whole.append(node)
            if data.get("childNodes"):
                stack.append((node, depth + 1, 0, 0))
    for node in (top, *whole):
        node.data.pop("childNodes", None)
    return tree
