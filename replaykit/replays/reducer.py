"""Follow a recording event by event and cut it into segments on the way."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import orjson

from replaykit.errors import BadRecording
from replaykit.ingest.rrweb_elements import REFUSED
from replaykit.ingest.rrweb_events import Event, event_of
from replaykit.ingest.rrweb_json import dumps, loads
from replaykit.replays import carry
from replaykit.replays.carry import Carried
from replaykit.replays.dom import Page
from replaykit.replays.keyframes import (
    DEFAULT_LIMITS,
    Limits,
    Segment,
    View,
    keyframe,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from replaykit.replays.sanitise import Sanitiser
    from replaykit.replays.summary import Observer

# rrweb event types (@rrweb/types, EventType).
FULL_SNAPSHOT: Final = 2
INCREMENTAL: Final = 3
META: Final = 4
CUSTOM: Final = 5
PLUGIN: Final = 6

#: What a broken event can raise while it is being applied.
BROKEN: Final = (KeyError, TypeError, ValueError, AttributeError, IndexError)

_MUTATION_LISTS: Final = ("removes", "adds", "texts", "attributes")
_SHEET_EDITS: Final = frozenset({carry.STYLE_RULE, carry.STYLE_DECLARATION})
#: Edits of constructed sheets may cut this many times as often as other events.
_SHEET_CUTS: Final = 25
#: Sources whose data are read, cleaned and written anew.
_CLEANED: Final = frozenset(
    {
        carry.MUTATION,
        carry.STYLE_RULE,
        carry.STYLE_DECLARATION,
        carry.ADOPTED_SHEET,
        carry.CANVAS,
        carry.VIEWPORT_RESIZE,
    }
)
_POINTERS: Final = frozenset({carry.MOUSE_MOVE, carry.TOUCH_MOVE, carry.DRAG})
#: How the data of these begin, as rrweb writes them.
_POINTER_TEXT: Final = re.compile(rb'\{"source": ?(?:1|6|12),')
#: Sources that make sense before the first snapshot: pointers, never the page.
_PAGELESS: Final = frozenset(
    {carry.MOUSE_MOVE, carry.MOUSE_INTERACTION, carry.TOUCH_MOVE, carry.DRAG}
)


class Position(msgspec.Struct, gc=False):
    """Where the pointer was, so many ms before its event."""

    x: int | float
    y: int | float
    id: int
    timeOffset: int | float = 0  # noqa: N815 - rrweb's spelling


class Pointer(msgspec.Struct, gc=False):
    """The data of a pointer's movement."""

    source: int
    positions: Annotated[list[Position], msgspec.Meta(min_length=1)]


_POINTER: Final = msgspec.json.Decoder(Pointer)
_ENCODE: Final = msgspec.json.Encoder().encode


class Reducer:
    """Reads events in time order, keeps the page, yields segments.

    Parameters
    ----------
    sanitiser
        Cleans every node and event before it is applied; None trusts the recording,
        which only a comparison with rrweb itself should do.
    observer
        Is told about every event, with the page as it then was.
    limits
        When to cut.
    """

    def __init__(
        self,
        sanitiser: Sanitiser | None = None,
        observer: Observer | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        """Start before the first event."""
        self._limits = limits
        self.page = Page()
        self.view = View()
        self.problems: Counter[str] = Counter()
        self.start: float | None = None
        self.last: float = 0.0
        self.events = 0
        self.snapshots = 0
        self.snapshot_at: float | None = None
        self._sanitiser = sanitiser
        self._observer = observer
        self._carried = Carried(self.page)
        self._segment: Segment | None = None
        self._snapshot_stamp: float | None = None
        self._early: list[tuple[bytes, float]] = []
        self._same_time: list[bytes] = []
        self._meta: tuple[bytes, float] | None = None
        self._aside: Segment | None = None
        #: Segments that are finished and have not been yielded yet.
        self._ready: list[Segment] = []

    def feed(self, events: Iterable[Event | dict[str, Any]]) -> Iterator[Segment]:
        """Apply events in order; yield each segment as it is finished."""
        for event in events:
            try:
                self._step(event if isinstance(event, Event) else event_of(event))
            except BROKEN:
                self.problems["broken events"] += 1
            if self._ready:
                yield from self._ready
                self._ready = []

    def finish(self) -> Iterator[Segment]:
        """Yield the last segment, and what no snapshot ever came for."""
        self._flush_meta()
        self._close_aside()
        yield from self._ready
        self._ready = []
        if self._segment is not None and self.start is not None:
            yield self._segment.close(self.last - self.start)
            self._segment = None

    @property
    def length(self) -> float:
        """Milliseconds from the first to the last event."""
        return 0.0 if self.start is None else self.last - self.start

    # -- one event

    def _step(self, event: Event) -> None:
        kind = event.type
        timestamp = event.timestamp
        if kind == FULL_SNAPSHOT:
            self._full_snapshot(event)
            return
        if kind == META:
            self._meta_event(event)
            return
        source, data, text = self._read(event)
        if not text:  # nothing of it was left
            self._enter(timestamp, b"")
            return
        raw = event.text(text)
        if not self._enter(timestamp, raw):
            return
        if self._meta is not None:
            self._flush_meta()
        segment = self._segment
        if segment is None:
            self._observe(kind, source, timestamp, data)
            self._before_snapshot(source, data, raw, timestamp)
            return
        if timestamp > segment.last and (
            segment.is_full(self._limits, nodes=len(self.page.nodes))
            or (source in _SHEET_EDITS and self._edits_fresh_sheet(data, segment))
        ):
            self._cut(segment, timestamp)
            segment = self._opened
        # An event that cannot be applied here would stop the Replayer as well: it is
        # counted as broken and stays out.
        self._observe(kind, source, timestamp, data)
        if source >= 0:
            self._apply(source, data, timestamp)
        segment.append(raw, timestamp)

    def _read(self, event: Event) -> tuple[int, Any, bytes]:
        """Return an event's source (-1 if it has none), its data, and their text."""
        kind = event.type
        text = bytes(event.data)
        if kind != INCREMENTAL:
            return (-1, {}, b"{}") if kind < FULL_SNAPSHOT else (-1, loads(text), text)
        if _POINTER_TEXT.match(text) is not None:
            try:
                pointer = _POINTER.decode(text)
            except REFUSED:
                pass  # read below, where what is odd is also allowed
            else:
                if pointer.source in _POINTERS:
                    return pointer.source, pointer, _ENCODE(pointer)
        data: Any = loads(text)
        source = data["source"]
        if type(source) is not int:
            raise TypeError
        if source in _CLEANED:
            self._clean(source, data)
            text = dumps(data)
        elif source == carry.FONT and self._sanitiser is not None:
            text = dumps(data) if self._sanitiser.font(data) else b""
        return source, data, text

    def _meta_event(self, event: Event) -> None:
        raw = event.text()
        if self._enter(event.timestamp, raw):
            self._flush_meta()
            self._on_meta(loads(bytes(event.data)), raw, event.timestamp)

    def _enter(self, timestamp: float, raw: bytes) -> bool:
        """Count the event in; False if it is an exact copy of one just read."""
        if timestamp != self.last or self.start is None:
            self._same_time = []
        elif raw and raw in self._same_time:
            self.problems["duplicate events"] += 1
            return False
        if self.start is None:
            self.start = timestamp
            if self._observer is not None:
                self._observer.begin(timestamp)
        self.last = timestamp
        self._same_time.append(raw)
        self.events += 1
        return True

    def _observe(self, kind: int, source: int, timestamp: float, data: Any) -> None:
        if self._observer is not None:
            self._observer.observe(kind, source, timestamp, data, self.page)

    def _clean(self, source: int, data: Any) -> None:
        """Bring an incremental event into the shape that the Replayer relies on."""
        sanitiser = self._sanitiser
        if source == carry.MUTATION:
            for key in _MUTATION_LISTS:
                if not isinstance(data.get(key), list):
                    data[key] = []
            if sanitiser is not None:
                sanitiser.mutation(data, self.page)
        elif sanitiser is None:
            return
        elif source in {
            carry.STYLE_RULE,
            carry.STYLE_DECLARATION,
            carry.ADOPTED_SHEET,
        }:
            sanitiser.style_event(data)
        elif source == carry.CANVAS:
            sanitiser.canvas(data)
        elif source == carry.VIEWPORT_RESIZE:
            data["width"] = sanitiser.viewport(data["width"]) or self.view.width
            data["height"] = sanitiser.viewport(data["height"]) or self.view.height

    # -- snapshots and segments

    def _on_meta(self, data: Any, raw: bytes, timestamp: float) -> None:
        width, height = data.get("width"), data.get("height")
        if self._sanitiser is not None:
            width = self._sanitiser.viewport(width)
            height = self._sanitiser.viewport(height)
        self.view.href = str(data.get("href") or self.view.href)
        self.view.width = int(width or self.view.width)
        self.view.height = int(height or self.view.height)
        self._meta = raw, timestamp
        size = {"width": self.view.width, "height": self.view.height}
        self._observe(META, -1, timestamp, {**data, **size})

    def _flush_meta(self) -> None:
        """Turn a Meta that no snapshot followed into a change of the window's size.

        The Replayer starts a seek at the last Meta, so a bare one inside a segment
        would hide everything before it.
        """
        meta, self._meta = self._meta, None
        if meta is None:
            return
        raw, stamp = meta
        if self._segment is None:
            self._keep_aside(raw, stamp)
            return
        data = {
            "source": carry.VIEWPORT_RESIZE,
            "width": self.view.width,
            "height": self.view.height,
        }
        event = {"type": INCREMENTAL, "data": data, "timestamp": stamp}
        self._segment.append(orjson.dumps(event), stamp)

    def _full_snapshot(self, event: Event) -> None:
        timestamp = event.timestamp
        data: Any = loads(bytes(event.data))
        node = data["node"]
        if not isinstance(node, dict) or node["type"] != 0:
            raise BadRecording
        if self._sanitiser is not None:
            self._sanitiser.tree(node)
        if timestamp == self._snapshot_stamp:
            self.problems["duplicate events"] += 1
            return
        self.page.load(node)
        self._enter(timestamp, b"")
        self._snapshot_stamp = timestamp
        meta_at = self._meta[1] if self._meta is not None else timestamp
        if self._meta is None:
            self.problems["snapshots without a Meta event"] += 1
        self._meta = None
        if not self.view.width or not self.view.height:
            self.problems["window size unknown, 1280 x 720 assumed"] += 1
            self.view.width, self.view.height = 1280, 720
        self._carried.reset()
        self._carried.players(timestamp)
        offset = data.get("initialOffset") or {}
        self.view.left = offset.get("left") or 0
        self.view.top = offset.get("top") or 0
        self.snapshots += 1
        start = self.start if self.start is not None else timestamp
        previous = self._segment
        if previous is None:
            # Nothing is known of the page before: the first segment shows it from 0.
            self.snapshot_at = timestamp - start
            self._close_aside()
            self._open(start, pointer=False)
            for raw, at in self._early:
                self._opened.append(raw, at)
            self._early = []
        else:
            self._open(timestamp)
        self._opened.genuine = (meta_at, timestamp)
        self._observe(FULL_SNAPSHOT, -1, timestamp, data)
        if previous is not None:
            self._ready.append(previous.close(timestamp - start))

    @property
    def _opened(self) -> Segment:
        if self._segment is None:  # only between finish() and the next feed()
            raise BadRecording
        return self._segment

    def _open(self, timestamp: float, *, pointer: bool = True) -> None:
        start = timestamp - (self.start if self.start is not None else timestamp)
        self._segment = keyframe(
            self.page,
            self._carried,
            self.view,
            start=start,
            timestamp=timestamp,
            pointer=pointer,
        )
        self._carried.fresh_sheets.clear()

    def _cut(self, segment: Segment, timestamp: float) -> None:
        # The Replayer applies at once what lies before the moment it is sent to, and
        # leaves what lies on it for later: a keyframe needs a moment of its own.
        self._open(max(timestamp - 1, (segment.last + timestamp) / 2))
        self._ready.append(segment.close(self._opened.start))

    def _edits_fresh_sheet(self, data: Any, segment: Segment) -> bool:
        """Tell whether a constructed sheet is edited in the segment that made it.

        The Replayer, skipping ahead, applies such edits before it has made the sheet,
        and loses them. With a keyframe between the two it finds the sheet made.
        """
        fresh = data.get("styleId") in self._carried.fresh_sheets
        return fresh and segment.events * _SHEET_CUTS >= self._limits.events

    # -- before the first snapshot

    def _before_snapshot(
        self,
        source: int,
        data: Any,
        raw: bytes,
        timestamp: float,
    ) -> None:
        """Show what needs no page, count the rest, keep all of it aside.

        A piece that arrives later may hold the snapshot that all of it belongs to.
        """
        if source in _PAGELESS:
            self._apply(source, data, timestamp)
        if source < 0 or source in _PAGELESS:
            self._early.append((raw, timestamp))
        else:
            self.problems["changes before the first snapshot"] += 1
        self._keep_aside(raw, timestamp)

    def _keep_aside(self, raw: bytes, timestamp: float) -> None:
        aside = self._aside
        if aside is None:
            start = timestamp - (self.start if self.start is not None else timestamp)
            aside = self._aside = Segment(start, timestamp, playable=False)
            aside.parts.append(b"[")
        aside.append(raw, timestamp)
        if aside.size > self._limits.size:
            self._close_aside()

    def _close_aside(self) -> None:
        aside, self._aside = self._aside, None
        if aside is not None and self.start is not None:
            aside.parts[1] = aside.parts[1][1:]  # the comma before the first event
            self._ready.append(aside.close(aside.last - self.start))

    # -- state

    def _apply(self, source: int, data: Any, timestamp: float) -> None:
        carried = self._carried
        found = True
        if isinstance(data, Pointer):
            last = data.positions[-1]
            carried.pointer(source, last.x, last.y, last.id)
        elif source == carry.MUTATION:
            added = self.page.mutate(data)
            if added and self._segment is not None:
                self._segment.added += added
            if self.page.players:
                carried.players(timestamp)
        elif source == carry.MOUSE_INTERACTION:
            carried.interact(data)
        elif source == carry.SCROLL:
            found = carried.scroll(data)
        elif source == carry.INPUT:
            found = carried.input(data)
        elif source == carry.VIEWPORT_RESIZE:
            self.view.width, self.view.height = data["width"], data["height"]
        else:
            found = self._apply_rare(source, data, timestamp)
        if not found:
            self.problems["events on an unknown node"] += 1

    def _apply_rare(self, source: int, data: Any, timestamp: float) -> bool:
        carried = self._carried
        if source in {carry.STYLE_RULE, carry.STYLE_DECLARATION}:
            return carried.sheet(data)
        if source == carry.ADOPTED_SHEET:
            return carried.adopt(data)
        if source == carry.SELECTION:
            return carried.select(data)
        if source == carry.MEDIA:
            return carried.media(data, timestamp)
        if source == carry.CANVAS:
            return carried.canvas(data)
        if source == carry.CUSTOM_ELEMENT:
            return carried.define(data)
        if source == carry.FONT:
            return carried.font(data)
        if source in _POINTERS:
            at = data["positions"][-1]
            carried.pointer(source, at["x"], at["y"], at["id"])
        return True
