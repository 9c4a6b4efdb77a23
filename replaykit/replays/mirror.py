"""The nodes of a page by their ids, most of them asleep.

Most of a page is never touched by an event. What is below a small part that a
snapshot brought is kept as it was recorded, under a node that knows the text of it,
until somebody asks for a node in it or for the children: then all its nodes are made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Raw

from replaykit.ingest.rrweb_json import parsed
from replaykit.replays.nodes import ELEMENT, Node
from replaykit.replays.texts import INSIDE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Data: TypeAlias = "dict[str, Any]"


class Sleeper(Node):
    """An element of which nothing but its text is kept until somebody looks.

    Of what a node has, `data`, `inner`, `first` and `last` are made when they are asked
    for; `first` and `last` with all the nodes below.
    """

    __slots__ = ("inside", "mirror", "raw", "span")

    def __init__(  # noqa: PLR0917 - made by the thousand
        self,
        number: int,
        tag: str,
        inside: list[int],
        raw: bytes,
        span: tuple[int, int],
        mirror: Mirror,
    ) -> None:
        """Sleep over a text, in which the children stand at `span`."""
        self.id = number
        self.type = ELEMENT
        self.tag = tag.lower()
        self.text = self.raw = raw
        self.block = None
        self.parent = self.prev = self.next = self.shadow = self.host = None
        self.span = span
        self.mirror = mirror
        #: The ids of the nodes below; None once they are awake.
        self.inside: list[int] | None = inside

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        """Make what was not needed so far."""
        start, end = self.span
        if name == "data":
            data: Any = _parsed(b"%b[]%b" % (self.raw[:start], self.raw[end:]))
            del data["childNodes"]
            self.data = data
        elif name == "inner":
            self.inner = self.raw[start:end]
        elif name in {"first", "last"}:
            self.mirror.wake(self)
        else:
            raise AttributeError(name)
        return getattr(self, name)


class Mirror(dict[int, Node]):
    """Nodes by id, as rrweb's mirror; those that sleep wake when they are asked for.

    `mirror[id]` is fast where the node is awake, and to go through it shows only those,
    unless all were woken (`awaken`).

    Examples
    --------
    >>> mirror = Mirror()
    >>> raw = b'{"type":2,"tagName":"p","childNodes":[{"type":3,"id":2}],"id":1}'
    >>> mirror[1] = mirror.sleep(1, "p", [2], raw, (37, 56))
    >>> len(mirror), 2 in mirror, mirror[2].parent is mirror[1]
    (2, True, True)
    """

    __slots__ = ("asleep",)

    def __init__(self) -> None:
        """Know of no node."""
        super().__init__()
        #: Ids of nodes that sleep -> the node at the top of them, which is known here.
        self.asleep: dict[int, Sleeper] = {}

    # -- asking

    def __missing__(self, number: int) -> Node:
        """Wake the node that sleeps under this id."""
        self.wake(self.asleep[number])
        return self[number]

    def get(  # type: ignore[override]
        self, number: int, default: None = None
    ) -> Node | None:
        """Return the node of this id, or None if there is none."""
        try:
            return self[number]
        except KeyError:
            return default

    def __contains__(self, number: object) -> bool:
        """Tell whether there is such a node, without waking it."""
        return super().__contains__(number) or number in self.asleep

    def __len__(self) -> int:
        """Return the number of nodes."""
        return super().__len__() + len(self.asleep)

    def awaken(self) -> None:
        """Make all the nodes that sleep."""
        for top in set(self.asleep.values()):
            self.wake(top)

    # -- changing

    def sleep(
        self,
        number: int,
        tag: str,
        inside: list[int],
        raw: bytes,
        span: tuple[int, int],
    ) -> Sleeper:
        """Return a node for an element whose text is known, which it is not given to.

        Parameters
        ----------
        number, tag
            Its id and its name.
        inside
            The ids of all nodes below.
        raw, span
            Its text, and where the list of its children stands in it.
        """
        top = Sleeper(number, tag, inside, raw, span, self)
        self.asleep.update(dict.fromkeys(inside, top))
        return top

    def plant(self, data: Data) -> Node:
        """Return a node for data that hold its children, and know those."""
        below = data.pop("childNodes")
        top = Node(data)
        for node in _grown(top, below, None):
            self[node.id] = node
        return top

    def wake(self, top: Sleeper) -> None:
        """Make the nodes below a sleeping one."""
        top.inside = None
        start, end = top.span
        below: Any = _parsed(top.raw[start:end])
        # If the texts that hold them are gone, so are these.
        for node in _grown(top, below, INSIDE):
            if self.asleep.pop(node.id, None) is not None:
                self[node.id] = node

    def forget(self, top: Sleeper) -> list[int]:
        """Take what sleeps below a node off the books; return the ids."""
        inside, top.inside = top.inside or [], None
        top.first = top.last = None
        for number in inside:
            self.asleep.pop(number, None)
        return inside

    def clear(self) -> None:
        """Know of no node any more."""
        super().clear()
        self.asleep.clear()

    def give_way(self, numbers: Iterable[int]) -> None:
        """Wake what sleeps under some ids, which other nodes are going to have."""
        for number in numbers:
            if number in self.asleep:
                self.wake(self.asleep[number])


def _parsed(text: bytes) -> Any:  # noqa: ANN401
    return parsed(Raw(text))


def _grown(top: Node, below: list[Data], text: bytes | None) -> Iterator[Node]:
    """Yield the nodes below one, linked."""
    top.first = top.last = None
    stack = [(top, below)]
    while stack:
        parent, children = stack.pop()
        last: Node | None = None
        for data in children:
            inside = data.pop("childNodes", None)
            node = Node(data)
            node.text = text
            node.parent = parent
            if last is None:
                parent.first = node
            else:
                node.prev = last
                last.next = node
            last = node
            yield node
            if inside:
                stack.append((node, inside))
        parent.last = last
