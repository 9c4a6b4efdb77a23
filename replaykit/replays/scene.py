"""Walk through a stored recording: each event, and the page as it stood before it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Protocol

from replaykit.ingest.rrweb_events import FULL_SNAPSHOT, INCREMENTAL, META, dict_of
from replaykit.ingest.rrweb_json import dumps
from replaykit.replays import carry
from replaykit.replays.dom import Page
from replaykit.replays.plugins import address_on, page_change
from replaykit.replays.reassemble import recorded_events
from replaykit.replays.reducer import BROKEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from replaykit.replays.nodes import Node

#: A selector names the element and at most so many of its ancestors.
_LEVELS: Final = 3
_CLASSES: Final = 3
_PLAIN: Final = re.compile(r"-?[A-Za-z_\u00a0-\U0010ffff][\w\u00a0-\U0010ffff-]*")


class Stored(Protocol):
    """Where the parts of a stored recording come from."""

    def stored(self, replay_id: str) -> Iterator[tuple[Mapping[str, Any], bytes]]:
        """Yield the note and the stream of all that is kept of a recording."""
        ...


class Scene:
    """One recording, walked from its start to its end.

    Attributes
    ----------
    page
        The page before the event at hand; empty when `page` is not followed.
    url
        The address at that time, an empty string before the first is known.
    left, top
        How far the document was scrolled, in px.
    start, last
        Times of the first event and of the event at hand, in ms since the epoch.
    """

    def __init__(
        self, recordings: Stored, replay_id: str, *, follow_page: bool
    ) -> None:
        """Stand before the first event; nothing is read yet."""
        self.page = Page()
        self.url = ""
        self.left = self.top = 0.0
        self.start: float | None = None
        self.last = 0.0
        self._events = recorded_events(recordings.stored(replay_id))
        self._follow = follow_page
        self._snapshot = False
        self._same_time: set[bytes] = set()

    @property
    def length(self) -> float:
        """Milliseconds from the first event to the one at hand."""
        return 0.0 if self.start is None else self.last - self.start

    def __iter__(self) -> Iterator[tuple[float, int, int, dict[str, Any]]]:
        """Yield `(ms from the first event, type, source or -1, event)` in time order.

        After each step the event has changed the scene, so the page that an event
        speaks of is the one seen while it is at hand.
        """
        for text in self._events:
            event = dict_of(text)
            stamp, kind = event["timestamp"], event["type"]
            if not self._snapshot and self._is_copy(event, stamp):
                continue
            if self.start is None:
                self.start = stamp
            self.last = stamp
            data = event.get("data")
            source = -1
            if kind == INCREMENTAL and isinstance(data, dict):
                source = data["source"]
            elif isinstance(data, dict):
                self._read_address(kind, data)
            yield stamp - self.start, kind, source, event
            try:
                self._apply(kind, source, data)
            except BROKEN:
                continue

    def _is_copy(self, event: dict[str, Any], stamp: float) -> bool:
        """Tell whether an event from before the first snapshot was read already."""
        if stamp != self.last:
            self._same_time.clear()
        raw = dumps(event)
        if raw in self._same_time:
            return True
        self._same_time.add(raw)
        return False

    def _read_address(self, kind: int, data: dict[str, Any]) -> None:
        if kind == META and isinstance(data.get("href"), str):
            self.url = data["href"]
        elif (change := page_change(kind, data)) is not None:
            self.url = address_on(self.url or "", change[0])

    def _apply(self, kind: int, source: int, data: Any) -> None:  # noqa: ANN401
        if kind == FULL_SNAPSHOT:
            self._snapshot = True
            offset = data.get("initialOffset") or {}
            self.left, self.top = offset.get("left") or 0, offset.get("top") or 0
            if self._follow:
                self.page.load(data["node"])
        elif source == carry.MUTATION and self._follow:
            self.page.mutate(data)
        elif source == carry.SCROLL and self.is_document(data["id"]):
            self.left, self.top = data.get("x") or 0, data.get("y") or 0

    def is_document(self, node_id: object) -> bool:
        """Tell whether a node id is the document's."""
        root = self.page.root
        # Without the page: recorders number the document first.
        return node_id == (1 if root is None else root.id)


def selector_of(node: Node | None) -> str | None:
    r"""Return a short CSS selector of an element: its name, id, classes and parents.

    It stops at the first ancestor with an id and names three ancestors at most, so it
    describes an element and need not be unique.

    Examples
    --------
    >>> from replaykit.replays.nodes import Node
    >>> form = Node(
    ...     {"id": 1, "type": 2, "tagName": "form", "attributes": {"id": "pay"}}
    ... )
    >>> button = Node({"id": 2, "type": 2, "tagName": "BUTTON",
    ...                "attributes": {"class": "big w-1/2"}})
    >>> form.insert(button, None)
    >>> print(selector_of(button))
    form#pay > button.big.w-1\/2
    """
    parts: list[str] = []
    while node is not None and node.tag and len(parts) <= _LEVELS:
        attributes = node.attributes
        own, classes = attributes.get("id"), attributes.get("class")
        part = _escaped(node.tag)
        if isinstance(own, str) and own:
            parts.append(f"{part}#{_escaped(own)}")
            break
        if isinstance(classes, str):
            names = classes.split()[:_CLASSES]
            part += "".join(f".{_escaped(name)}" for name in names)
        parts.append(part)
        node = node.parent
    return " > ".join(reversed(parts)) or None


def _escaped(name: str) -> str:
    """Write a name as CSS reads it (CSSOM, "serialize an identifier")."""
    if _PLAIN.fullmatch(name):
        return name
    written = []
    for at, sign in enumerate(name):
        if sign.isdigit() and (at == 0 or (at == 1 and name[0] == "-")):
            written.append(f"\\{ord(sign):x} ")
        elif sign.isalnum() or sign in "-_" or ord(sign) >= 0x80:
            written.append(sign)
        elif sign.isprintable():
            written.append(f"\\{sign}")
        else:
            written.append(f"\\{ord(sign):x} ")
    return "".join(written)
