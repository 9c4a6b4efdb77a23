"""Follow a recording event by event and cut it into segments on the way."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from replaykit.errors import BadRecording
from replaykit.ingest.rrweb_elements import REFUSED
from replaykit.ingest.rrweb_events import (
    FULL_SNAPSHOT,
    INCREMENTAL,
    META,
    Again,
    Event,
    event_of,
)
from replaykit.ingest.rrweb_json import dumps, parsed
from replaykit.replays import carry
from replaykit.replays.aside import Aside
from replaykit.replays.carry import EFFECTS
from replaykit.replays.event_data import EventData, Pointer, is_pointer, pointer_of
from replaykit.replays.keyframes import (
    AROUND,
    DEFAULT_LIMITS,
    META_PLACE,
    NODES_PER_LIMIT,
    SNAPSHOT_PLACE,
    SNAPSHOT_SHARE,
    Kept,
    Limits,
    Segment,
)
from replaykit.replays.reopening import ReducerState, reopened
from replaykit.replays.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from replaykit.replays.pieces import Pieces
    from replaykit.replays.sanitise import Sanitiser
    from replaykit.replays.summary import Observer

#: What a broken event can raise while it is being applied.
BROKEN: Final = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    IndexError,
    OverflowError,
)

#: Events that say what page is shown, and in what window.
_SHOWING: Final = frozenset({FULL_SNAPSHOT, META})
#: Problems with events of which nothing is kept.
BROKEN_EVENTS: Final = "broken events"
COPIES: Final = "duplicate events"
_NO_MATCH: Final = "A stored segment is not the one that the recording ended with."
_UNKNOWN_NODE: Final = "events on an unknown node"
_SHEET_EDITS: Final = frozenset({carry.STYLE_RULE, carry.STYLE_DECLARATION})
#: Edits of constructed sheets may cut this many times as often as other events.
_SHEET_CUTS: Final = 25
#: Sources that make sense before the first snapshot: pointers, never the page.
_PAGELESS: Final = frozenset(
    {carry.MOUSE_MOVE, carry.MOUSE_INTERACTION, carry.TOUCH_MOVE, carry.DRAG}
)


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
        self._stage = Stage()
        self.page = self._stage.page
        self.view = self._stage.view
        self.problems: Counter[str] = Counter()
        self.start: float | None = None
        self.last: float = 0.0
        self.events = 0
        self.snapshots = 0
        self.snapshot_at: float | None = None
        self._sanitiser = sanitiser
        self._observer = observer
        self._carried = self._stage.carried
        self._data = EventData(
            sanitiser, self.page, self.view, self._carried.knows_sheet
        )
        self._segment: Segment | None = None
        self._snapshot_stamp: float | None = None
        self._early: list[Event] = []
        #: The first event of the time at hand; all of them, once there is another.
        self._latest: Event | None = None
        self._same_time: set[tuple[int, bytes, int]] | None = None
        self._meta: Event | None = None
        self._aside = Aside(limits)
        #: Segments that are finished and have not been yielded yet.
        self._ready: list[Segment] = []
        #: Whether an event broke off since the last keyframe: it may have left traces
        #: on the page that no keyframe and no event tells of.
        self._torn = False

    def feed(self, events: Iterable[Event | dict[str, Any]]) -> Iterator[Segment]:
        """Apply events in order; yield each segment as it is finished."""
        step = self._step
        read = self._data
        for event in events:
            try:
                step(event if isinstance(event, Event) else event_of(event))
                if read.sheets:
                    for adoption in read.adoptions(event):
                        step(adoption)
            except BROKEN:
                self.problems[BROKEN_EVENTS] += 1
                self._torn = True
                if isinstance(event, Event):
                    self._keep(event)
                read.sheets = []
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

    # -- going on later

    def state(self) -> ReducerState | None:
        """Return how things stand, for `resume`; None if it could not tell them again.

        To be asked before `finish`.
        """
        segment, page, meta = self._segment, self.page, self._meta
        if segment is None or self.start is None or self._torn or page.unsettled:
            return None
        return ReducerState(
            self.start,
            self.last,
            self.events,
            self.snapshots,
            self.snapshot_at,
            dict(self.problems),
            dict(page.warnings),
            replace(self.view),
            len(page.nodes),
            segment.head_size,
            None if meta is None else meta.timestamp,
        )

    def resume(self, state: ReducerState, note: Mapping[str, Any], text: bytes) -> None:
        """Go on as the reducer did that wrote `text`, its last segment.

        The page is that of the segment's keyframe, and then what its events make of it.
        Nothing of this is observed or cleaned again.

        Raises
        ------
        BadRecording
            If the segment and the state do not belong together.
        """
        try:
            self._segment, self._meta = reopened(self._stage, state, note, text)
        except BROKEN as error:
            raise BadRecording(_NO_MATCH) from error
        page = self.page
        if len(page.nodes) != state.nodes or page.unsettled:
            raise BadRecording(_NO_MATCH)
        self.start, self.last, self.events = state.start, state.last, state.events
        self.snapshots, self.snapshot_at = state.snapshots, state.snapshot_at
        self.problems = Counter(state.problems)
        page.warnings.clear()
        page.warnings.update(state.warnings)
        self.view.put(state.view)
        if self._sanitiser is not None:
            self._sanitiser.open(self.view.href)

    # -- one event

    def _step(self, event: Event) -> None:  # noqa: C901, PLR0912, PLR0915 - a call costs more
        kind = event.type
        timestamp = event.timestamp
        written: Event | None = event
        if kind == INCREMENTAL and is_pointer(event.data) is not None:
            try:
                data: Any = pointer_of(event.data)
                source = data.source
            except REFUSED:  # an odd one
                source, data, written = self._data.read(event)
        elif kind in _SHOWING:
            self._show(event)
            return
        else:
            source, data, written = self._data.read(event)
        segment = self._segment
        if timestamp == self.last or segment is None or written is None or self._meta:
            written, again = _plain(event, written)
            if not self._enter(timestamp, written, again):
                if self._sanitiser is not None:
                    self._sanitiser.forget()
                return
            if written is None:
                self._keep(event)
                return
            if segment is None:
                self._before_snapshot(kind, source, data, written, event)
                return
            self._flush_meta()
        else:  # nothing about it is special, as of nearly every event
            self.last = timestamp
            self._latest = written
            self._same_time = None
            self.events += 1
        limits = self._limits
        length = len(segment.tail)
        if (
            length >= limits.events
            or segment.size >= limits.size
            or segment.added >= limits.nodes
        ):
            # A keyframe of a huge page costs more than many light events, and so does
            # one that repeats all edits of a style sheet.
            size = segment.size * SNAPSHOT_SHARE
            due = size >= segment.head_size or (
                size >= segment.carried
                and length * NODES_PER_LIMIT >= len(self.page.nodes) * limits.events
            )
        else:
            due = source in _SHEET_EDITS and self._edits_fresh_sheet(data, segment)
        if due and timestamp > segment.last:
            segment = self._cut(segment, timestamp)
        # An event that cannot be applied here would stop the Replayer as well: it is
        # counted as broken and stays out.
        if type(data) is Pointer:
            self._carried.pointer = data  # as `move` does
        elif source >= 0:
            effect = EFFECTS.get(source)
            if effect is None:
                added = self._stage.change(source, data, timestamp)
                if added > 0:
                    segment.added += added
                elif added:
                    self.problems[_UNKNOWN_NODE] += 1
            elif not effect(self._carried, data):
                self.problems[_UNKNOWN_NODE] += 1
        if self._observer is not None:
            self._observer.observe(kind, source, timestamp, data, self.page)
        # As `segment.append` does, without a call for each event.
        segment.tail.append(written)
        segment.size += len(written.data) + AROUND
        segment.last = timestamp
        if written is not event:
            original = self._settled(event)
            if original is not None:
                place = len(segment.tail) - 1
                segment.originals.append(Kept(place, instead=True, event=original))

    def _settled(self, event: Event) -> Event | None:
        """Be done with an event that is written otherwise; return it if it is kept."""
        cleaner = self._sanitiser
        if cleaner is None:
            return None
        relied = cleaner.relied
        cleaner.settle(again=relied)
        return event if relied else None

    def _keep(self, event: Event) -> None:
        """Keep an event of which nothing is written: another page may take it."""
        if self._sanitiser is not None:
            self._sanitiser.settle(again=True)
        self._flush_meta()
        segment = self._segment
        if segment is None:
            start = event.timestamp if self.start is None else self.start
            self._aside.keep(event, start)
        else:
            place = len(segment.tail)
            segment.originals.append(Kept(place, instead=False, event=event))

    def _show(self, event: Event) -> None:
        if event.type == FULL_SNAPSHOT:
            self._full_snapshot(event)
            return
        data = parsed(event.data)
        if self._enter(event.timestamp, event):
            self._flush_meta()
            self._on_meta(data, event)
            if self._sanitiser is not None:  # it is kept as it came, or told exactly
                self._sanitiser.settle(again=True)

    def _enter(self, timestamp: float, event: Event | None, again: int = 0) -> bool:
        """Count an event in; False if it is an exact copy of one just read."""
        if timestamp != self.last or self.start is None:
            if self.start is None:
                self.start = timestamp
                if self._observer is not None:
                    self._observer.begin(self.start)
            self.last = timestamp
            self._latest = event
            self._same_time = None
        elif event is not None and self._is_copy(event, again):
            self.problems[COPIES] += 1
            return False
        self.events += 1
        return True

    def _is_copy(self, event: Event, again: int = 0) -> bool:
        """Tell whether an event of this time was read before, and remember it."""
        if self._same_time is None:
            self._same_time = set()
            if self._latest is not None:
                self._is_copy(self._latest)
        before = len(self._same_time)
        # Anew, as one of them may have been written so and the other as it came in.
        self._same_time.add((event.type, dumps(parsed(event.data)), again))
        return len(self._same_time) == before

    def _observe(self, kind: int, source: int, timestamp: float, data: Any) -> None:
        if self._observer is not None:
            self._observer.observe(kind, source, timestamp, data, self.page)

    # -- snapshots and segments

    def _on_meta(self, data: Any, event: Event) -> None:
        width, height = data.get("width"), data.get("height")
        if self._sanitiser is not None:
            width = self._sanitiser.viewport(width)
            height = self._sanitiser.viewport(height)
        self.view.href = str(data.get("href") or self.view.href)
        self.view.width = int(width or self.view.width)
        self.view.height = int(height or self.view.height)
        if self._sanitiser is not None:
            self._sanitiser.open(self.view.href)
        self._meta = event
        size = {"width": self.view.width, "height": self.view.height}
        self._observe(META, -1, event.timestamp, {**data, **size})

    def _flush_meta(self) -> None:
        """Turn a Meta that no snapshot followed into a change of the window's size.

        The Replayer starts a seek at the last Meta, so a bare one inside a segment
        would hide everything before it.
        """
        meta, self._meta = self._meta, None
        if meta is None:
            return
        if self._segment is None:
            self._keep_aside(meta)
            return
        data = {
            "source": carry.VIEWPORT_RESIZE,
            "width": self.view.width,
            "height": self.view.height,
        }
        resized = msgspec.Raw(dumps(data))
        was = bytes(meta.data).decode(errors="replace")
        self._segment.metas.append((len(self._segment.tail), was))
        self._segment.append(Event(INCREMENTAL, meta.timestamp, resized))

    def _full_snapshot(self, event: Event) -> None:  # noqa: C901 - one after another
        timestamp = event.timestamp
        data, pieces = self._data.snapshot(event)
        node = data["node"]
        if not isinstance(node, dict) or node["type"] != 0:
            raise BadRecording
        if timestamp == self._snapshot_stamp:
            self.problems[COPIES] += 1
            return
        whole = self._load(node, pieces)
        self._enter(timestamp, None)
        self._snapshot_stamp = timestamp
        meta = self._meta
        meta_at = None if meta is None else meta.timestamp
        if meta_at is None:
            self.problems["snapshots without a Meta event"] += 1
        if not self.view.width or not self.view.height:
            self.problems["window size unknown, 1280 x 720 assumed"] += 1
            self.view.width, self.view.height = 1280, 720
        self._carried.reset()
        self._carried.players(timestamp)
        offset = data.get("initialOffset") or {}
        self.view.left = offset.get("left") or 0
        self.view.top = offset.get("top") or 0
        self.snapshots += 1
        self._observe(FULL_SNAPSHOT, -1, timestamp, data)
        start = self.start if self.start is not None else timestamp
        previous = self._segment
        if previous is None:
            # Nothing is known of the page before: the first segment shows it from 0.
            self.snapshot_at = timestamp - start
            self._close_aside()
            self._open(start, pointer=False)
            for early in self._early:
                self._opened.append(early)
            self._opened.early = len(self._early)
            self._early = []
        else:
            self._open(timestamp)
        kept = self._opened.originals
        self._opened.genuine = (meta_at, timestamp)
        if not whole:
            kept.append(Kept(SNAPSHOT_PLACE, instead=True, event=event))
        if meta is not None and not self._tells(meta):
            kept.append(Kept(META_PLACE, instead=True, event=meta))
        self._meta = None  # not before: a snapshot that breaks leaves it alone
        if self._sanitiser is not None:
            self._sanitiser.settle(again=not whole)
        if previous is not None:
            self._ready.append(previous.close(timestamp - start))

    def _load(self, node: dict[str, Any], pieces: Pieces | None) -> bool:
        """Show a snapshot's page, cleaned; False if a part of it had to be left out."""
        warned = self.page.warnings.total()
        clean = None
        if self._sanitiser is not None:
            self._sanitiser.node(node, styled=False)
            clean = self._sanitiser.children
        self.page.load(node, clean, pieces)
        return self.page.warnings.total() == warned

    def _tells(self, meta: Event) -> bool:
        """Tell whether the keyframe says the same as a Meta event."""
        view = self.view
        told = {"href": view.href, "width": view.width, "height": view.height}
        return dumps(parsed(meta.data)) == dumps(told)

    @property
    def _opened(self) -> Segment:
        if self._segment is None:  # only between finish() and the next feed()
            raise BadRecording
        return self._segment

    def _open(self, timestamp: float, *, pointer: bool = True) -> None:
        start = timestamp - (self.start if self.start is not None else timestamp)
        self._segment = self._stage.keyframe(start, timestamp, pointer=pointer)
        self._torn = False

    def _cut(self, segment: Segment, timestamp: float) -> Segment:
        # The Replayer applies at once what lies before the moment it is sent to, and
        # leaves what lies on it for later: a keyframe needs a moment of its own.
        self._open(max(timestamp - 1, (segment.last + timestamp) / 2))
        self._ready.append(segment.close(self._opened.start))
        return self._opened

    def _edits_fresh_sheet(self, data: Any, segment: Segment) -> bool:
        """Tell whether a constructed sheet is edited in the segment that made it.

        The Replayer, skipping ahead, applies such edits before it has made the sheet,
        and loses them. With a keyframe between the two it finds the sheet made.
        """
        fresh = data.get("styleId") in self._carried.fresh_sheets
        return fresh and len(segment.tail) * _SHEET_CUTS >= self._limits.events

    # -- before the first snapshot

    def _before_snapshot(
        self, kind: int, source: int, data: Any, event: Event, came: Event
    ) -> None:
        """Show what needs no page, count the rest, keep all of it aside.

        A piece that arrives later may hold the snapshot that all of it belongs to.
        """
        self._flush_meta()
        if source in _PAGELESS:
            EFFECTS[source](self._carried, data)
        self._observe(kind, source, event.timestamp, data)
        if source < 0 or source in _PAGELESS:
            self._early.append(event)
        else:
            self.problems["changes before the first snapshot"] += 1
        self._keep_aside(event, None if event is came else self._settled(came))

    def _keep_aside(self, event: Event, original: Event | None = None) -> None:
        start = event.timestamp if self.start is None else self.start
        self._ready.extend(self._aside.append(event, start, original))

    def _close_aside(self) -> None:
        if self.start is not None:
            self._ready.extend(self._aside.close(self.start))


def _plain(event: Event, written: Event | None) -> tuple[Event | None, int]:
    """Return an event to write as any other, and how often it was done before."""
    if not isinstance(event, Again):
        return written, 0
    if written is not None:
        written = Event(event.type, event.timestamp, written.data)
    return written, event.again
