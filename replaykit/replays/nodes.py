"""One recorded page as a tree of linked nodes that mutations edit in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

# rrweb node types (@rrweb/types, NodeType).
DOCUMENT: Final = 0
DOCTYPE: Final = 1
ELEMENT: Final = 2
TEXT: Final = 3
#: Ours: the invisible parent of a host's shadow children.
SHADOW: Final = 99

_NO_ATTRIBUTES: Final[dict[str, Any]] = {}


class Node:
    """A serialised rrweb node, linked to its parent and siblings.

    `data` is the node as recorded (its `childNodes` are ignored, the links count).
    `head` caches its own JSON without children until the node changes.
    """

    __slots__ = (
        "data",
        "first",
        "head",
        "host",
        "id",
        "last",
        "next",
        "parent",
        "prev",
        "shadow",
        "tag",
        "type",
    )

    def __init__(self, data: dict[str, Any]) -> None:
        """Wrap `data`, not yet attached to anything."""
        self.data = data
        self.id: int = data["id"]
        self.type: int = data["type"]
        tag = data.get("tagName")
        self.tag: str = tag.lower() if isinstance(tag, str) else ""
        self.head: bytes | None = None
        self.parent: Node | None = None
        self.first: Node | None = None
        self.last: Node | None = None
        self.prev: Node | None = None
        self.next: Node | None = None
        self.shadow: Node | None = None
        self.host: Node | None = None

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes as recorded and edited since (empty if it has none)."""
        found = self.data.get("attributes")
        return found if isinstance(found, dict) else _NO_ATTRIBUTES

    def own_attributes(self) -> dict[str, Any]:
        """Return the attributes for editing; the cached JSON is dropped."""
        self.head = None
        found = self.data.get("attributes")
        if not isinstance(found, dict):
            found = self.data["attributes"] = {}
        return found

    def set_text(self, value: str) -> None:
        """Replace the text of a text node."""
        self.data["textContent"] = value
        self.head = None

    def shadow_root(self) -> Node:
        """Return the shadow root, made on first use."""
        if self.shadow is None:
            self.shadow = Node({"id": -1, "type": SHADOW})
            self.shadow.host = self
            self.head = None
        return self.shadow

    def insert(self, node: Node, before: Node | None) -> None:
        """Put the detached `node` under this one, before `before` or last."""
        node.parent = self
        if before is None:
            previous = self.last
            self.last = node
        else:
            previous = before.prev
            before.prev = node
        node.next = before
        node.prev = previous
        if previous is None:
            self.first = node
        else:
            previous.next = node

    def detach(self) -> None:
        """Take this node out of its parent; harmless if it has none."""
        parent = self.parent
        if parent is None:
            return
        if self.prev is None:
            parent.first = self.next
        else:
            self.prev.next = self.next
        if self.next is None:
            parent.last = self.prev
        else:
            self.next.prev = self.prev
        self.parent = self.prev = self.next = None

    def children(self) -> Iterator[Node]:
        """Yield the light children in order."""
        child = self.first
        while child is not None:
            following = child.next
            yield child
            child = following

    def subtree(self) -> Iterator[Node]:
        """Yield this node and everything under it, shadow trees and frames too."""
        yield self
        stack = [child for child in (self.shadow, self.first) if child is not None]
        while stack:
            # A node's next sibling waits below its children, so a walk that is given
            # up early has not touched the rest.
            node = stack.pop()
            if node.next is not None:
                stack.append(node.next)
            if node.shadow is not None:
                stack.append(node.shadow)
            if node.first is not None:
                stack.append(node.first)
            if node.type != SHADOW:
                yield node

    def own_json(self) -> bytes:
        """Return the node's JSON without children and without the closing brace."""
        if self.head is None:
            own = {k: v for k, v in self.data.items() if k != "childNodes"}
            if self.shadow is not None:
                own["isShadowHost"] = True
            self.head = orjson.dumps(own)[:-1]
        return self.head


def text_of(node: Node, limit: int = 80) -> str:
    """Return the visible text under `node`, spaces collapsed, at most `limit` long.

    Examples
    --------
    >>> button = Node({"id": 1, "type": ELEMENT, "tagName": "button"})
    >>> button.insert(Node({"id": 2, "type": TEXT, "textContent": " Pay  now "}), None)
    >>> text_of(button)
    'Pay now'
    """
    words: list[str] = []
    length = 0
    for part in node.subtree():
        if part.type != TEXT or (
            part.parent is not None and part.parent.tag in {"style", "noscript"}
        ):
            continue
        text = part.data.get("textContent")
        if isinstance(text, str):
            for word in text.split():
                words.append(word)
                length += len(word) + 1
                if length > limit:
                    return " ".join(words)[: limit - 1].rstrip() + "…"
    return " ".join(words)
