"""Turn a recording's events into segments that each start with a whole page.

A segment begins with a Meta and a FullSnapshot at one timestamp, then the pointer, then
the state that no node holds, then the recorded events. A player that opens any segment
arrives at the page it would have built by playing from the start.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from replaykit.ingest.rrweb_events import Event, array_of
from replaykit.ingest.rrweb_json import dumps
from replaykit.replays.carry import SCROLL
from replaykit.replays.texts import text_parts

if TYPE_CHECKING:
    from replaykit.replays.carry import Carried
    from replaykit.replays.dom import Page


@dataclass(frozen=True)
class Limits:
    """A segment is cut at whichever of these comes first."""

    events: int = 500
    size: int = 500_000
    nodes: int = 5_000


DEFAULT_LIMITS: Final = Limits()

#: Bytes of an event's text around its data.
AROUND: Final = 45
#: A keyframe that is due is made once the events take such a share of the last one, …
SNAPSHOT_SHARE: Final = 4
#: … or once there is a full number of them for each so many nodes of the page, and
#: they take that share of what the keyframe carries beside the page.
NODES_PER_LIMIT: Final = 4_000


class Kept(NamedTuple):
    """An event as it came, kept beside what is written of a segment.

    That is one of which nothing is written, as it could not be applied, and one of
    which something else is written because of the page that it came to: pieces that
    come later may put it on another one.
    """

    #: Its place among the recorded events: before that one, or `instead` of it.
    place: int
    instead: bool
    event: Event


#: Places of a recorded snapshot and of its Meta event, which a keyframe begins with.
SNAPSHOT_PLACE: Final = -2
META_PLACE: Final = -1


@dataclass(eq=False)
class Segment:
    """One independently playable stretch.

    `start` and `end` are ms from the recording's first event. The JSON text is the
    concatenation of `parts`; `lead` is the number of events at its head that were made
    here (the last two of a genuine snapshot excepted), so that a longer recording can
    be put together again from segments.
    """

    start: float
    timestamp: float
    end: float = 0.0
    #: When a recorded snapshot's Meta (None if it had none) and the snapshot were.
    genuine: tuple[float | None, float] | None = None
    playable: bool = True
    lead: int = 0
    #: How many were recorded, once it is closed.
    events: int = 0
    nodes: int = 0
    added: int = 0
    #: Bytes of the recorded events, about.
    size: int = 0
    head_size: int = 0
    #: Bytes of the keyframe's events after its snapshot.
    carried: int = 0
    last: float = 0.0
    #: The keyframe: all but the closing bracket of an array of events.
    head: list[bytes] = field(default_factory=list)
    #: The recorded events, which `close` turns into their text.
    tail: list[Event] = field(default_factory=list)
    #: How many events of the tail were before the first snapshot, and are kept aside.
    early: int = 0
    #: Places in the tail of what was recorded as a Meta event, and the data of that.
    metas: list[tuple[int, str]] = field(default_factory=list)
    #: Events as they came, of which what is written cannot tell that.
    originals: list[Kept] = field(default_factory=list)
    text: bytes = b""

    def append(self, event: Event) -> None:
        """Add an event as it is to be written."""
        self.tail.append(event)
        self.size += len(event.data) + AROUND
        self.last = event.timestamp

    def close(self, end: float) -> Segment:
        """Finish the JSON text: nothing comes after this."""
        self.end = end
        self.events = len(self.tail)
        self.text = array_of(self.tail)
        self.tail.clear()
        return self

    @property
    def parts(self) -> list[bytes]:
        """The JSON text in parts, of which the first are those of `head`."""
        if not self.head:
            return [self.text]
        return [*self.head, b"," + self.text[1:] if self.events else b"]"]


@dataclass
class View:
    """Address and size of the window, and where the page was scrolled to."""

    href: str = "about:blank"
    width: int = 0
    height: int = 0
    left: int | float = 0.0
    top: int | float = 0.0

    def put(self, other: View) -> None:
        """Become equal to another view."""
        self.href, self.left, self.top = other.href, other.left, other.top
        self.width, self.height = other.width, other.height


def keyframe(
    page: Page,
    carried: Carried,
    view: View,
    *,
    start: float,
    timestamp: float,
    pointer: bool = True,
) -> Segment:
    """Open a segment with the page as it stands.

    `pointer` is false for the first segment: its own events say where the pointer was.
    """
    segment = Segment(start, timestamp, nodes=len(page.nodes), last=timestamp)
    root = page.root
    if root is None:
        message = "A keyframe needs a page; no full snapshot has been read yet."
        raise ValueError(message)
    meta = {"href": view.href, "width": view.width, "height": view.height}
    parts = segment.head
    parts.append(b"[" + orjson.dumps({"type": 4, "data": meta, "timestamp": timestamp}))
    parts.append(b',{"type":2,"data":{"node":')
    parts.extend(text_parts(root))
    left, top = _document_scroll(page, view)
    offset = dumps({"left": left, "top": top})
    stamp = orjson.dumps(timestamp)
    parts.append(b',"initialOffset":%b},"timestamp":%b}' % (offset, stamp))
    snapshot = len(parts)
    made = 2
    for data in carried.pointer_event() if pointer else ():
        parts.append(_event(data, stamp))
        made += 1
    before, after = carried.events(timestamp)
    for data in before:
        parts.append(_event(data, stamp))
    # The Replayer cannot build a frame's document as a child: an event attaches it.
    for parent_id, document in page.framed():
        parts.append(
            b',{"type":3,"data":{"source":0,"removes":[],"texts":[],"attributes":[],'
            b'"isAttachIframe":true,"adds":[{"parentId":%d,"nextId":null,"node":'
            % parent_id
        )
        parts.extend(text_parts(document))
        parts.append(b'}]},"timestamp":%b}' % stamp)
        made += 1
    for data in after:
        if data.get("source") == SCROLL and data.get("id") == root.id:
            made -= 1  # the snapshot's own offset says it
            continue
        parts.append(_event(data, stamp))
    made += len(before) + len(after)
    segment.lead = made
    segment.carried = sum(map(len, parts[snapshot:]))
    segment.head_size = sum(map(len, parts[:snapshot])) + segment.carried
    return segment


def snapshot_size(meta: Event, snapshot: Event) -> int:
    """Return how many bytes of a keyframe its first two events take."""
    around = len(b'[{"type":4,"data":,"timestamp":}') + len(
        orjson.dumps(meta.timestamp)
    )
    return 2 * around + len(meta.data) + len(snapshot.data)


def _event(data: dict[str, Any], stamp: bytes) -> bytes:
    return b',{"type":3,"data":%b,"timestamp":%b}' % (dumps(data), stamp)


def _document_scroll(page: Page, view: View) -> tuple[float, float]:
    state = page.touched.get(page.root.id) if page.root is not None else None
    if state is not None and "scroll" in state:
        return state["scroll"].get("x", 0), state["scroll"].get("y", 0)
    return view.left, view.top
