"""Turn stored segments back into the events they were made of.

A recording that arrives in pieces, days apart, is put together again: what is stored
gives its events back, and they are read anew together with the new ones.
"""

from __future__ import annotations

import heapq
import zlib
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from replaykit.errors import BadRecording
from replaykit.ingest.rrweb_elements import REFUSED
from replaykit.ingest.rrweb_events import META, Event, event_of
from replaykit.ingest.rrweb_json import loads
from replaykit.replays.keyframes import META_PLACE, SNAPSHOT_PLACE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from replaykit.replays.keyframes import Kept

_EVENTS: Final = msgspec.json.Decoder(list[Event])


class AsItCame(Event, gc=False, frozen=True):
    """A stored event that is kept as it came, not as it was cleaned."""


class Original(NamedTuple):
    """An event as it came (`keyframes.Kept`), and the part of what is stored it is of.

    Parts are segments by number, and what was kept aside as -1, -2 and so on.
    """

    part: int
    place: int
    instead: bool
    type: int
    timestamp: int | float
    data: str

    @classmethod
    def of(cls, part: int, kept: Kept) -> Original:
        """Return what is kept of a part as it is saved."""
        event = kept.event
        # What is no text stays what no JSON parser takes.
        data = bytes(event.data).decode(errors="backslashreplace")
        return cls(part, kept.place, kept.instead, event.type, event.timestamp, data)

    def event(self) -> Event:
        """Return the event."""
        return AsItCame(self.type, self.timestamp, msgspec.Raw(self.data.encode()))


def recorded_events(
    segments: Iterable[tuple[Mapping[str, Any], bytes]],
    originals: Iterable[Original] = (),
    *,
    within: tuple[float, float] | None = None,
) -> Iterator[Event]:
    """Yield the recorded events of stored segments, without what keyframes added.

    A genuine snapshot gets its own times back. What was taken out when the recording
    was cleaned stays out, but for events of which there are `originals`.

    Parameters
    ----------
    segments
        The note and the stream of each.
    originals
        Events as they came.
    within
        Leave out segments that have nothing between these times, in ms since the first
        event.
    """
    kept: dict[int, list[Original]] = {}
    for original in originals:
        kept.setdefault(original.part, []).append(original)
    stream = iter(segments)
    early: list[Event] = []
    for number, (note, packed) in enumerate(stream, 1):
        if note["playable"]:
            rest = chain([(note, packed)], stream)
            played = _played(rest, kept, within)
            yield from heapq.merge(early, played, key=_timestamp)
            return
        if _overlaps(note, within):
            early.extend(_restored(_events(packed), kept.get(-number, ())))
    yield from early


def _overlaps(note: Mapping[str, Any], within: tuple[float, float] | None) -> bool:
    if within is None:
        return True
    start = note["start"]
    if note["genuine"] is not None and note["genuine"][0] is not None:
        meta_at, snapshot_at = note["genuine"]
        start = min(start, start - (snapshot_at - meta_at))
    # Sums of fractions are not exact.
    return bool(note["end"] >= within[0] - 1 and start <= within[1] + 1)


def _played(
    segments: Iterable[tuple[Mapping[str, Any], bytes]],
    kept: Mapping[int, Sequence[Original]],
    within: tuple[float, float] | None,
) -> Iterator[Event]:
    for part, (note, packed) in enumerate(segments):
        if not _overlaps(note, within):
            continue
        events = _events(packed)
        lead = note["lead"]
        for place, data in note.get("metas", ()):
            resized = events[lead + place]
            meta = Event(META, resized.timestamp, msgspec.Raw(data.encode()))
            events[lead + place] = meta
        # The first segment repeats what could be shown of the time before it.
        early = note.get("early", 0)
        rest = events[lead + early :]
        known = {META_PLACE: events[0], SNAPSHOT_PLACE: events[1]}
        if part in kept:
            known |= {one.place: one.event() for one in kept[part] if one.place < 0}
            rest = _restored(rest, kept[part], early)
        if note["genuine"] is None:
            yield from rest
            continue
        meta_at, snapshot_at = note["genuine"]
        snapshot = known[SNAPSHOT_PLACE]
        genuine = [type(snapshot)(snapshot.type, snapshot_at, snapshot.data)]
        if meta_at is not None:
            meta = known[META_PLACE]
            genuine.insert(0, type(meta)(meta.type, meta_at, meta.data))
        yield from heapq.merge(genuine, rest, key=_timestamp)


def _restored(
    events: list[Event], kept: Iterable[Original], before: int = 0
) -> list[Event]:
    """Return events with those that were kept as they came, `before` so many later."""
    whole: list[Event] = []
    done = 0
    for original in kept:
        place = original.place - before
        if original.place >= 0:
            whole += events[done:place]
            whole.append(original.event())
            done = place + original.instead
    return whole + events[done:]


def _events(packed: bytes) -> list[Event]:
    try:
        text = zlib.decompress(packed)
    except zlib.error as error:
        message = (
            "A stored recording is damaged: a segment cannot be unpacked. "
            "Remove it (`remove_replays`) and add its files again."
        )
        raise BadRecording(message) from error
    return events_of(text)


def events_of(text: bytes) -> list[Event]:
    """Return the events of a segment's text.

    Raises
    ------
    BadRecording
        If it is not a list of events.
    """
    try:
        return _EVENTS.decode(text)
    except REFUSED:
        events = loads(text)  # nested too deeply for the fast parser
    if not isinstance(events, list):
        raise BadRecording("A stored segment is not a list of events.")
    return [event_of(event) for event in events if isinstance(event, dict)]


def _timestamp(event: Event) -> float:
    return event.timestamp
