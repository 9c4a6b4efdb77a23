"""A page kept in step with a made recording, so that every event fits it."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from recordings import element, text

if TYPE_CHECKING:
    from random import Random

Data = dict

#: Elements that hold further ones, and words to put into the leaves.
BOXES = ("div", "section", "ul", "li", "p", "span", "b", "article", "CUSTOM-BOX")
WORDS = [
    "one",
    "two",
    "three",
    "übung",
    "日本",
    "<b>not",
    "bold</b>",
    "a&amp;b",
    "naïve",
    "",
    "spaced",
    "🙂",
]
NAMES = ("title", "data-x", "aria-label", "lang", "DATA-Upper", "xml:space")


class Node:
    """A recorded node with its children; a shadow root's are apart."""

    def __init__(self, data: Data, parent: Node | None = None) -> None:
        self.data = data
        self.id: int = data["id"]
        self.parent = parent
        self.children: list[Node] = []
        self.shadow: list[Node] = []

    @property
    def tag(self) -> str:
        return self.data.get("tagName", "")

    def siblings(self) -> list[Node]:
        return self.parent.shadow if self.data.get("isShadow") else self.parent.children

    def walk(self):
        yield self
        for child in [*self.shadow, *self.children]:
            yield from child.walk()

    def whole(self) -> Data:
        """Return the node as a snapshot holds it."""
        within = [child.whole() for child in [*self.shadow, *self.children]]
        return {**_copied(self.data), "childNodes": within}


def _copied(data: Data) -> Data:
    attributes = data.get("attributes")
    return (
        {**data, "attributes": dict(attributes)} if attributes is not None else {**data}
    )


class Tree:
    """The documents on screen: the page's own, and those of its frames."""

    def __init__(self, random: Random, start: int = 1) -> None:
        self.random = random
        self.numbers = count(start)
        self.nodes: dict[int, Node] = {}
        #: Frame's id -> its document.
        self.frames: dict[int, Node] = {}
        self.root: Node | None = None
        #: Whose style was set by properties: their attribute is not known here.
        self.dressed: set[int] = set()

    # -- making

    def load(self, data: Data, parent: Node | None = None) -> Node:
        """Enter a serialised node with all its children."""
        children = data.get("childNodes", ())
        node = Node({k: v for k, v in data.items() if k != "childNodes"}, parent)
        self.nodes[node.id] = node
        for child in children:
            made = self.load(child, node)
            (node.shadow if child.get("isShadow") else node.children).append(made)
        return node

    def number(self) -> int:
        return next(self.numbers)

    def subtree(self, depth: int = 3, root: int | None = None) -> Data:
        """Make up some nodes."""
        random = self.random
        extra = {"rootId": root} if root else {}
        kind = random.random()
        if depth == 0 or kind < 0.25:
            return {**text(random.choice(WORDS), self.number()), **extra}
        if kind < 0.3:
            comment = {"type": 5, "textContent": "aside", "id": self.number()}
            return {**comment, **extra}
        if kind < 0.4:
            return self.drawing(extra)
        made = element(random.choice(BOXES), self.number())
        if random.random() < 0.5:
            made["attributes"] = {"class": random.choice("abc"), "style": "margin: 1px"}
        count = random.randrange(4)
        made["childNodes"] = [self.subtree(depth - 1, root) for _ in range(count)]
        return {**made, **extra}

    def drawing(self, extra: Data) -> Data:
        shape = element("circle", self.number(), cx="4", cy="4", r="3")
        svg = element("svg", self.number(), width="9", height="9")
        group = element("linearGradient", self.number(), gradientUnits="userSpaceOnUse")
        for made in (shape, svg, group):
            made |= {"isSVG": True, **extra}
        svg["childNodes"] = [group, shape]
        return svg

    # -- finding

    def boxes(self) -> list[Node]:
        """Return what new nodes can be put into, and what can be dressed anew.

        Not what keeps the page long: where a page becomes shorter its browser scrolls,
        and that would have been recorded.
        """
        return [n for n in self.nodes.values() if n.tag in BOXES and not _is_long(n)]

    def loose(self) -> list[Node]:
        """Return what can be taken out or moved: all that was made up on the way."""
        return [
            node
            for node in self.nodes.values()
            if node.parent is not None and node.parent.tag in BOXES
        ]

    def root_id(self, node: Node) -> int | None:
        """Return the id of the frame's document that holds a node."""
        return node.data.get("rootId") or (
            node.id if node.data["type"] == 0 and node is not self.root else None
        )

    # -- changing: each returns what a mutation event says

    def put(self, data: Data, parent: Node, at: int | None = None) -> list[Data]:
        """Put new nodes under a parent; the last sibling is told first, as rrweb does."""
        siblings = parent.shadow if data.get("isShadow") else parent.children
        at = self.random.randint(0, len(siblings)) if at is None else at
        node = self.load(data, parent)
        siblings.insert(at, node)
        return self.told(node)

    def told(self, node: Node) -> list[Data]:
        siblings = node.siblings()
        after = siblings.index(node) + 1
        following = siblings[after].id if after < len(siblings) else None
        data = {**_copied(node.data), "childNodes": []}
        adds = [{"parentId": node.parent.id, "nextId": following, "node": data}]
        for group in (node.shadow, node.children):
            for child in reversed(group):
                adds += self.told(child)
        return adds

    def take(self, node: Node) -> list[Data]:
        """Take a node out with all below it."""
        removal = {"parentId": node.parent.id, "id": node.id}
        if node.data.get("isShadow"):
            removal["isShadow"] = True
        node.siblings().remove(node)
        for gone in node.walk():
            self.nodes.pop(gone.id, None)
            document = self.frames.pop(gone.id, None)
            for inner in document.walk() if document else ():
                self.nodes.pop(inner.id, None)
        return [removal]

    def move(self, node: Node, parent: Node) -> tuple[list[Data], list[Data]]:
        """Take a node to another place: a removal, and the same nodes added."""
        data = node.whole()
        data.pop("isShadow", None)
        removes = self.take(node)
        return removes, self.put(_rooted(data, self.root_id(parent)), parent)

    def attach(self, frame: Node, data: Data) -> Data:
        """Give a frame a document; return the event's data."""
        old = self.frames.get(frame.id)
        for gone in old.walk() if old else ():
            self.nodes.pop(gone.id, None)
        self.frames[frame.id] = self.load(data)
        add = {
            "parentId": frame.id,
            "nextId": None,
            "node": self.frames[frame.id].whole(),
        }
        lists = {"removes": [], "texts": [], "attributes": [], "adds": [add]}
        return {"source": 0, "isAttachIframe": True, **lists}


def _is_long(node: Node) -> bool:
    return node.data["attributes"].get("id") in {"tall", "tall2", "scroller"}


def _rooted(data: Data, root: int | None) -> Data:
    """Say of nodes that are moved whose document they now are in."""
    kept = {k: v for k, v in data.items() if k != "rootId"}
    children = [_rooted(child, root) for child in data.get("childNodes", ())]
    return {**kept, "childNodes": children, **({"rootId": root} if root else {})}
