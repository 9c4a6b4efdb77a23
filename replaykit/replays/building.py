"""Turn a serialised tree into linked nodes, and write its small parts on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from replaykit.replays.nodes import ELEMENT, TEXT, Node
from replaykit.replays.texts import HOLDERS, INSIDE, SMALL, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable

#: Cleans the children of an element of this name, in place.
Cleaner: TypeAlias = "Callable[[str, list[dict[str, Any]]], None]"

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
    count: int
    players: list[Node]
    #: Nodes nested too deeply, which are left out.
    lost: int


def build(  # noqa: C901, PLR0912, PLR0915 - one loop, no calls
    serialised: dict[str, Any], clean: Cleaner | None = None
) -> Built:
    """Build a serialised node with all its children, without recursion.

    `clean` is given the name of each node that holds others, in lower case, and the
    serialised children, before they are looked at: while they are at hand, as a second
    walk over a large page costs half as much as building it.

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
    nodes = {top.id: top}
    players: list[Node] = []
    count, lost = 1, 0
    #: Nodes whose data still hold their children, latest last.
    whole: list[Node] = []
    #: The number of the latest node that is not to be written as its data are.
    odd = 0
    stack = [(top, 1, 0, 0)]
    while stack:
        parent, depth, kept, before = stack.pop()
        if depth == _DONE:
            if count - before >= _FEW:
                small = count - before < SMALL and odd <= before
                written = small and write_whole(parent)
                for node in whole[kept:]:
                    if written:
                        node.text = INSIDE
                    node.data.pop("childNodes", None)
                parent.data.pop("childNodes", None)
                del whole[kept:]
                odd = count  # what holds it has to take its text
            continue
        children = parent.data.get("childNodes")
        before = count
        if depth > MAX_DEPTH:
            lost += len(children or ())
            odd = before + 1
            continue
        stack.append((parent, _DONE, len(whole), before))
        if parent.type not in HOLDERS or type(children) is not list:
            odd = before + 1
        if not children:
            continue
        if clean is not None:
            clean(parent.tag, children)
        last: Node | None = None
        for data in children:
            node = Node(data)
            nodes[node.id] = node
            whole.append(node)
            count += 1
            if "isShadow" in data and data["isShadow"] and parent.type == ELEMENT:
                parent.shadow_root().insert(node, None)
                odd = count
            else:  # as `insert` does; nothing of a new parent is written yet
                node.parent = parent
                if last is None:
                    parent.first = node
                else:
                    node.prev = last
                    last.next = node
                last = node
            below = data.get("childNodes")
            if below:
                stack.append((node, depth + 1, 0, 0))
            elif node.type == TEXT and "childNodes" not in data:
                continue  # as nearly half of a page is
            if node.tag == "iframe" or (node.type in HOLDERS) != ("childNodes" in data):
                odd = count
            elif node.tag in PLAYERS:
                players.append(node)
        parent.last = last
    for node in (top, *whole):
        node.data.pop("childNodes", None)
    return Built(top, nodes, count, players, lost)
