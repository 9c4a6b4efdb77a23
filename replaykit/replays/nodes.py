"""One recorded page as a tree of linked nodes that mutations edit in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# rrweb node types (@rrweb/types, NodeType).
DOCUMENT: Final = 0
DOCTYPE: Final = 1
ELEMENT: Final = 2
TEXT: Final = 3
#: Ours: the invisible parent of a host's shadow children.
SHADOW: Final = 99

#: Elements that play.
PLAYERS: Final = frozenset({"audio", "video"})
#: Elements that something has to be done about when they come.
AWAKE: Final = PLAYERS | {"iframe"}

_NO_ATTRIBUTES: Final[dict[str, Any]] = {}


class Node:
    """A serialised rrweb node, linked to its parent and siblings.

    `data` is the node as recorded, without its `childNodes`: the links count. `text` is
    the JSON of the whole subtree, empty if it is only known as part of an ancestor's,
    None since it changed; `inner` is that of the children alone, where it was kept and
    none of them changed (`replays.texts`). A node whose text is None has only ancestors
    whose text is None and whose inner text is gone.
    """

    __slots__ = (
        "block",
        "data",
        "first",
        "host",
        "id",
        "inner",
        "last",
        "next",
        "parent",
        "prev",
        "shadow",
        "tag",
        "text",
        "type",
    )

    def __init__(self, data: dict[str, Any]) -> None:
        """Wrap `data`, which holds no `childNodes`, not yet attached to anything."""
        self.data = data
        self.id: int = data["id"]
        self.type: int = data["type"]
        tag = data.get("tagName")
        self.tag: str = tag.lower() if type(tag) is str else ""
        self.text: bytes | tuple[bytes, ...] | None = None
        self.inner: bytes | None = None
        self.block: Block | None = None
        self.parent: Node | None = None
        self.first: Node | None = None
        self.last: Node | None = None
        self.prev: Node | None = None
        self.next: Node | None = None
        self.shadow: Node | None = None
        self.host: Node | None = None

    def touch(self) -> None:
        """Note that this node's own data changed: the texts that hold it are gone."""
        if self.text is not None:
            self.text = None
            if self.block is not None:
                self.block.text = None
            if self.type != DOCUMENT:  # a frame's document is no part of its text
                holder = self.parent or self.host
                if holder is not None:
                    holder.touch_inside()

    def touch_inside(self) -> None:
        """Note that something below this node changed."""
        node: Node | None = self
        while node is not None:
            if node.text is None:
                if node.inner is None:
                    return
            elif node.block is not None:
                node.block.text = None
            node.text = node.inner = None
            if node.type == DOCUMENT:
                return
            node = node.parent or node.host

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes as recorded and edited since (empty if it has none)."""
        found = self.data.get("attributes")
        return found if isinstance(found, dict) else _NO_ATTRIBUTES

    def own_attributes(self) -> dict[str, Any]:
        """Return the attributes for editing."""
        self.touch()
        found = self.data.get("attributes")
        if not isinstance(found, dict):
            found = self.data["attributes"] = {}
        return found

    def set_text(self, value: str) -> None:
        """Replace the text of a text node."""
        self.data["textContent"] = value
        self.touch()

    def shadow_root(self) -> Node:
        """Return the shadow root, made on first use."""
        if self.shadow is None:
            self.shadow = Node({"id": -1, "type": SHADOW})
            self.shadow.host = self
            self.touch()
            self.touch_inside()
        return self.shadow

    def insert(self, node: Node, before: Node | None) -> None:
        """Put the detached `node` under this one, before `before` or last."""
        if self.text is not None or self.inner is not None:
            self.touch_inside()
        node.parent = self
        if before is None:
            previous = self.last
            self.last = node
        else:
            previous = before.prev
            before.prev = node
            node.next = before
        if previous is None:
            self.first = node
        else:
            node.prev = previous
            previous.next = node
            if previous.block is not None:
                previous.block.text = None

    def detach(self) -> None:
        """Take this node out of its parent; harmless if it has none."""
        parent = self.parent
        if parent is None:
            return
        if self.block is not None:
            self.block.text = None
        if parent.text is not None or parent.inner is not None:
            parent.touch_inside()
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


class Block:
    """Neighbouring children whose texts were joined, and the joined text."""

    __slots__ = ("bare", "first", "last", "text")

    def __init__(self, first: Node) -> None:
        """Start a block at `first`."""
        self.first = first
        self.last = first
        #: The children's texts, each with a comma after it; None since one changed.
        self.text: bytes | None = None
        #: The same without the last comma, if it was asked for.
        self.bare: bytes | None = None


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
