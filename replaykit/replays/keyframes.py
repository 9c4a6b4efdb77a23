"""Turn a recording's events into segments that each start with a whole page.

A segment begins with a Meta and a FullSnapshot at one timestamp, then the pointer, then
the state that no node holds, then the recorded events. A player that opens any segment
arrives at the page it would have built by playing from the start.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

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

# A keyframe of a huge page costs more than many light events: it must be worth it.
_NODES_PER_LIMIT: Final = 4_000
_SNAPSHOT_SHARE: Final = 4


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
    genuine: tuple[float, float] | None = None
    playable: bool = True
    lead: int = 0
    events: int = 0
    nodes: int = 0
    added: int = 0
    size: int = 0
    head_size: int = 0
    last: float = 0.0
    parts: list[bytes] = field(default_factory=list)
    #: So many of the parts are the keyframe, of which most may be stored already.
    head_parts: int = 0

    def append(self, raw: bytes, timestamp: float) -> None:
        """Add one serialised event."""
        self.parts.append(b"," + raw)
        self.size += len(raw) + 1
        self.events += 1
        self.last = timestamp

    def is_full(self, limits: Limits, *, nodes: int) -> bool:
        """Tell whether a new keyframe is due and worth its size."""
        if (
            self.events < limits.events
            and self.size < limits.size
            and self.added < limits.nodes
        ):
            return False
        return (
            self.size * _SNAPSHOT_SHARE >= self.head_size
            or self.events * _NODES_PER_LIMIT >= nodes * limits.events
        )

    def close(self, end: float) -> Segment:
        """Finish the JSON text."""
        self.end = end
        self.parts.append(b"]")
        return self


@dataclass
class View:
    """Address and size of the window, and where the page was scrolled to."""

    href: str = "about:blank"
    width: int = 0
    height: int = 0
    left: float = 0.0
    top: float = 0.0


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
    parts = segment.parts
    parts.append(b"[" + orjson.dumps({"type": 4, "data": meta, "timestamp": timestamp}))
    parts.append(b',{"type":2,"data":{"node":')
    parts.extend(text_parts(root))
    left, top = _document_scroll(page, view)
    offset = orjson.dumps({"left": left, "top": top})
    stamp = orjson.dumps(timestamp)
    parts.append(b',"initialOffset":%b},"timestamp":%b}' % (offset, stamp))
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
    segment.head_parts = len(parts)
    segment.head_size = sum(map(len, parts))
    return segment


def _event(data: dict[str, Any], stamp: bytes) -> bytes:
    raw = orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS)
    return b',{"type":3,"data":%b,"timestamp":%b}' % (raw, stamp)


def _document_scroll(page: Page, view: View) -> tuple[float, float]:
    state = page.touched.get(page.root.id) if page.root is not None else None
    if state is not None and "scroll" in state:
        return state["scroll"].get("x", 0), state["scroll"].get("y", 0)
    return view.left, view.top
