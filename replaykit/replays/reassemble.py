"""Turn stored segments back into the events they were made of.

A recording that arrives in pieces, days apart, is put together again: what is stored
gives its events back, and they are read anew together with the new ones.
"""

from __future__ import annotations

import heapq
import zlib
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import msgspec

from replaykit.errors import BadRecording
from replaykit.ingest.rrweb_elements import REFUSED
from replaykit.ingest.rrweb_events import META, Event, event_of
from replaykit.ingest.rrweb_json import loads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_EVENTS: Final = msgspec.json.Decoder(list[Event])


def recorded_events(
    segments: Iterable[tuple[Mapping[str, Any], bytes]],
) -> Iterator[Event]:
    """Yield the recorded events of stored segments, without what keyframes added.

    A genuine snapshot gets its own times back. What was taken out when the recording
    was cleaned stays out.
    """
    stream = iter(segments)
    early: list[Event] = []
    for note, packed in stream:
        if note["playable"]:
            rest = chain([(note, packed)], stream)
            yield from heapq.merge(early, _played(rest), key=_timestamp)
            return
        early.extend(_events(packed))
    yield from early


def _played(segments: Iterable[tuple[Mapping[str, Any], bytes]]) -> Iterator[Event]:
    for note, packed in segments:
        events = _events(packed)
        lead = note["lead"]
        for place, data in note.get("metas", ()):
            resized = events[lead + place]
            meta = Event(META, resized.timestamp, msgspec.Raw(data.encode()))
            events[lead + place] = meta
        # The first segment repeats what could be shown of the time before it.
        rest = events[lead + note.get("early", 0) :]
        if note["genuine"] is None:
            yield from rest
            continue
        meta_at, snapshot_at = note["genuine"]
        genuine = [Event(events[1].type, snapshot_at, events[1].data)]
        if meta_at is not None:
            genuine.insert(0, Event(events[0].type, meta_at, events[0].data))
        yield from heapq.merge(genuine, rest, key=_timestamp)


def _events(packed: bytes) -> list[Event]:
    try:
        text = zlib.decompress(packed)
    except zlib.error as error:
        message = (
            "A stored recording is damaged: a segment cannot be unpacked. "
            "Remove the replay and add its files again."
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


def together(stored: Iterable[Event], fresh: Iterable[Event]) -> Iterator[Event]:
    """Merge two streams of events by time, the stored ones first among equals."""
    return heapq.merge(stored, fresh, key=_timestamp)


def _timestamp(event: Event) -> float:
    return event.timestamp
